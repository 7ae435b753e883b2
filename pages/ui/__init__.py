"""What pages have in common: the draft and its link, controls, charts, runs, tasks and the engine."""
