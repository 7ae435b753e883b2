"""What a run is: settings, their descriptions, and how text becomes them."""
