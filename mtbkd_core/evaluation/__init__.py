"""What a posterior is worth: each file answers one question."""

from __future__ import annotations

from importlib import import_module

#: What is imported where it is used: together they take longer than the app's first page. What pages wait for is first.
_LIBRARIES = ("pandas", "sklearn.datasets", "sklearn.metrics", "scipy.optimize", "scipy.stats", "arviz_stats.base")


def load_libraries() -> None:
    """Import now what would be imported at its first use."""
    for name in _LIBRARIES:
        import_module(name)
