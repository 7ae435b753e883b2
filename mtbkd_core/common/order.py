"""A random order of examples that keeps the classes in proportion from its first example on."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def stratified_order(labels: Sequence[str] | np.ndarray, seed: int | Sequence[int]) -> np.ndarray:
    """[N] indices in random order; every beginning of it has about the classes' shares of all N labels.

    So the first n are a stratified sample, and a smaller sample is part of a larger one: scikit-learn's splits are not.
    """
    random = np.random.default_rng(seed)
    classes = np.asarray(labels)
    turn = np.empty(len(classes))
    for label in np.unique(classes):
        own = np.flatnonzero(classes == label)
        # the members of a class come at even distances, from a random start
        turn[random.permutation(own)] = (np.arange(len(own)) + random.random()) / len(own)
    return np.argsort(turn, kind="stable")
