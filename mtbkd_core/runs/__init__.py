"""The life of a run: its folder, what a worker does with it, and the engine that sends it there."""
