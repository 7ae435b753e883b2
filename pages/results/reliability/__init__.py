"""The page reliability and its parts."""
