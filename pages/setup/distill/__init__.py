"""The page distill and its parts."""
