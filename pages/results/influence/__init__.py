"""The page influence and its parts."""
