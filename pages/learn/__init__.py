"""Pages of the section learn."""
