"""What a posterior is worth: each file answers one question."""

from __future__ import annotations

from importlib import import_module

#: What the evaluation imports where it is used: together they take longer than the app's first page.
_LIBRARIES = ("arviz_stats.base", "scipy.optimize", "scipy.stats", "sklearn.datasets", "sklearn.metrics")


def load_libraries() -> None:
    """Import now what the evaluation would import at its first use."""
    for name in _LIBRARIES:
        import_module(name)
