"""The page watch and its parts."""
