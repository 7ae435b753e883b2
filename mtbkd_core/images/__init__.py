"""Image files, without a task."""
