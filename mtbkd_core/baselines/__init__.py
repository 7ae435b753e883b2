"""The methods that MT-BKD is compared with, a family a file."""
