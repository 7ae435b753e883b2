"""A student to take away: a network in the ONNX format, a model card, and the run's configuration."""
