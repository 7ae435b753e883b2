"""Launching and following jobs on a page."""
