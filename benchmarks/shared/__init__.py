"""What several benchmarks use: the record of figures, timing, posteriors, references, a stopwatch for the browser."""
