"""The page compare and its parts."""
