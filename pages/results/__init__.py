"""Pages of the section results."""
