"""The command line, a group of commands a file."""
