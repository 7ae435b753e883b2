"""Studies: what is made of many runs."""
