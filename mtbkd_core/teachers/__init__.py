"""Who teaches: training specialists from scratch."""
