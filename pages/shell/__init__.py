"""Pages of the section shell."""
