"""Pages of the section start."""
