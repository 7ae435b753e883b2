"""The page own_data and its parts."""
