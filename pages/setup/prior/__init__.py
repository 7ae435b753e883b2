"""The page on the prior and its parts."""
