"""Whether new inputs are like those that a student was tested on, with false alarms controlled over repeated looks.

Each score of an input (its deviance, say) gets a conformal p-value: its rank among the scores seen so far, the test
set's first. Without drift the p-values are independent and uniform, so that a bet against uniformity is a martingale:
it starts at 1 and, by Ville's inequality, ever reaches 1 / alpha with a chance of at most alpha. Several scores share
that chance: each has a part of it (Bonferroni), and its evidence is its martingale times that part.

Sources: Vovk, Petej, Nouretdinov, Ahlberg, Carlsson and Gammerman, "Retrain or not retrain: conformal test martingales
for change-point detection", COPA 2021 (the simple jumper); Ville, "Étude critique de la notion de collectif", 1939.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

#: How often the bet jumps to another side, and the sides: p-values that are too small, neither, too large.
_JUMP, _SIDES = 0.01, np.array([-1.0, 0.0, 1.0])
#: The chance of a false alarm, however often and long one looks.
ALPHA = 0.05


class SimpleJumper:
    """Bets against the uniformity of several streams of p-values, each by itself."""

    def __init__(self, count: int = 1) -> None:
        """Begin at 1, with that many streams."""
        self.capital = np.full((count, 3), 1 / 3)

    @property
    def values(self) -> Array:
        """The martingales."""
        found: Array = self.capital.sum(1)
        return found

    def bet(self, p_values: Array) -> Array:
        """Bet on the next p-value of each stream; returns the martingales then."""
        mixed = (1 - _JUMP) * self.capital + _JUMP * self.capital.sum(1, keepdims=True) / 3
        self.capital = mixed * (1 + _SIDES * (p_values[:, None] - 0.5))
        return self.values


@dataclass(frozen=True)
class Alarm:
    """When the evidence reached 1 / alpha.

    Attributes:
        seen: new inputs until then.
        score: the score that gave it; None: the answers did.
        answer: the class that is answered more or less often than before, where the answers gave it.
    """

    seen: int
    score: str | None
    answer: int | None = None


class DriftWatch:
    """Watches a stream of inputs by their scores, and by how often each class is the answer.

    Attributes:
        path: the largest evidence after each new input.
        alarm: the first time that it reached 1 / alpha; None: never yet.
    """

    def __init__(
        self,
        reference: Mapping[str, Sequence[float]],
        answers: Sequence[int],
        classes: int,
        *,
        alpha: float = ALPHA,
        seed: int = 0,
    ) -> None:
        """Begin with the test set's scores by name and its answers; `seed` breaks ties at random, as the theory asks.

        Every score has an equal part of the chance of a false alarm; the answers together have another.
        """
        self._seen = {name: sorted(map(float, values)) for name, values in reference.items()}
        self._answers = np.bincount(np.asarray(answers, dtype=np.int64), minlength=classes)
        parts = len(self._seen) + 1
        self._part = np.repeat([1 / parts, 1 / parts / classes], [len(self._seen), classes])
        self._bets = SimpleJumper(len(self._part))
        self._random = np.random.default_rng(seed)
        self._alpha = alpha
        self.path: list[float] = []
        self.alarm: Alarm | None = None

    def see(self, scores: Mapping[str, float], answer: int) -> float:
        """Take the scores of the next input and the class that is its answer; returns the largest evidence then.

        Raises:
            ValueError: other scores than the reference has, or one that is not finite.
        """
        if set(scores) != set(self._seen) or not all(np.isfinite(value) for value in scores.values()):
            raise ValueError(f"scores must be finite and those of the reference, {sorted(self._seen)}, got {scores}")
        ranks = [self._rank(earlier, scores[name]) for name, earlier in self._seen.items()]
        total = int(self._answers.sum())
        given = np.arange(len(self._answers)) == answer
        # of the answers, whether it is the class: 1 is above 0
        above = np.concatenate([[rank[0] for rank in ranks], np.where(given, 0, self._answers)])
        equal = np.concatenate([[rank[1] for rank in ranks], np.where(given, self._answers, total - self._answers)])
        self._answers[answer] += 1
        p_values = (above + self._random.random(len(equal)) * (equal + 1)) / (total + 1)
        evidence = self._bets.bet(p_values) * self._part
        best = int(evidence.argmax())
        self.path.append(float(evidence[best]))
        if self.alarm is None and evidence[best] >= 1 / self._alpha:
            names = list(self._seen)
            named = (names[best], None) if best < len(names) else (None, best - len(names))
            self.alarm = Alarm(len(self.path), *named)
        return self.path[-1]

    @staticmethod
    def _rank(earlier: list[float], value: float) -> tuple[int, int]:
        """How many earlier scores are above a new one, and equal to it; it is one of them then."""
        above = len(earlier) - bisect_right(earlier, value)
        equal = len(earlier) - above - bisect_left(earlier, value)
        insort(earlier, value)
        return above, equal
