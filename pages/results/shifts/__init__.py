"""The page shifts and its parts."""
