"""Kinds of job, a file each."""
