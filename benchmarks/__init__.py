"""What is measured, one script each: `python -m benchmarks.quality`, from the repository's root."""
