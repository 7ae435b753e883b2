"""Samplers, one file an algorithm, all of one shape."""
