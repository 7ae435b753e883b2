"""Every task by name: the registry over built-in tasks and imports."""
