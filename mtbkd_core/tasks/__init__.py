"""What a task is, and the built-in ones, a file each."""
