"""Evaluation of a posterior: each file answers one question."""

from __future__ import annotations

from importlib import import_module

#: Imported where they are used, because together they take longer than the first page; first those that pages wait for.
_LIBRARIES = (
    "sklearn.datasets",
    "sklearn.model_selection",
    "pandas",
    "sklearn.metrics",
    "scipy.optimize",
    "scipy.stats",
    "arviz_stats.base",
)


def load_libraries() -> None:
    """Import now what would be imported at its first use."""
    for name in _LIBRARIES:
        import_module(name)
