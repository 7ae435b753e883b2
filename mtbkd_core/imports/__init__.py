"""Tables of one's own: examples, labels and teachers' outputs from files, checked, and made a task."""
