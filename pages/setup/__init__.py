"""Pages of the section setup."""
