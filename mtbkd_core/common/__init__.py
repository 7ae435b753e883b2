"""What every layer may use: errors, files, progress, processors."""
