"""Figures: data in, plotly Figure out. Nothing here computes a metric."""
