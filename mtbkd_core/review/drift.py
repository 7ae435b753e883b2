"""Whether new inputs are like those that a student was tested on, with false alarms controlled over repeated looks.

Each score of an input (its deviance, say) gets a conformal p-value: its rank among the scores seen so far, the test
set's first. Without drift the p-values are independent and uniform, so that a bet against uniformity is a martingale:
it starts at 1 and, by Ville's inequality, ever reaches 1 / alpha with a chance of at most alpha. Several scores are
watched by the mean of their martingales, which is a martingale, too.

Sources: Vovk, Petej, Nouretdinov, Ahlberg, Carlsson and Gammerman, "Retrain or not retrain: conformal test martingales
for change-point detection", COPA 2021 (the simple jumper); Ville, "Étude critique de la notion de collectif", 1939.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

#: How often the bet jumps to another side, and the sides: p-values that are too small, neither, too large.
_JUMP, _SIDES = 0.01, np.array([-1.0, 0.0, 1.0])
#: The chance of a false alarm, however often and long one looks.
ALPHA = 0.05


@dataclass
class SimpleJumper:
    """A bet against the uniformity of p-values; `value` is what 1 at the start has become."""

    capital: np.ndarray = field(default_factory=lambda: np.full(3, 1 / 3))

    @property
    def value(self) -> float:
        """The martingale."""
        return float(self.capital.sum())

    def bet(self, p_value: float) -> float:
        """Bet on the next p-value; returns the martingale then."""
        mixed = (1 - _JUMP) * self.capital + _JUMP * self.capital.sum() / 3
        self.capital = mixed * (1 + _SIDES * (p_value - 0.5))
        return self.value


@dataclass(frozen=True)
class Alarm:
    """When the martingale reached 1 / alpha.

    Attributes:
        seen: new inputs until then.
        score: the score that grew most.
    """

    seen: int
    score: str


class DriftWatch:
    """Watches a stream of inputs by their scores.

    Attributes:
        path: the martingale after each new input.
        alarm: the first time that it reached 1 / alpha; None: never yet.
    """

    def __init__(self, reference: Mapping[str, Sequence[float]], *, alpha: float = ALPHA, seed: int = 0) -> None:
        """Begin with the test set's scores by name; `seed` breaks ties at random, which the theory asks for."""
        self._seen = {name: sorted(map(float, values)) for name, values in reference.items()}
        self._bets = {name: SimpleJumper() for name in reference}
        self._random = np.random.default_rng(seed)
        self._alpha = alpha
        self.path: list[float] = []
        self.alarm: Alarm | None = None

    def see(self, scores: Mapping[str, float]) -> float:
        """Take the scores of the next input; returns the martingale then.

        Raises:
            ValueError: other scores than the reference has, or one that is not finite.
        """
        if set(scores) != set(self._seen) or not all(np.isfinite(value) for value in scores.values()):
            raise ValueError(f"scores must be finite and those of the reference, {sorted(self._seen)}, got {scores}")
        for name, value in scores.items():
            earlier = self._seen[name]
            above = len(earlier) - bisect_right(earlier, value)
            equal = len(earlier) - above - bisect_left(earlier, value)
            p_value = (above + self._random.random() * (equal + 1)) / (len(earlier) + 1)
            self._bets[name].bet(p_value)
            insort(earlier, value)
        now = float(np.mean([bet.value for bet in self._bets.values()]))
        self.path.append(now)
        if self.alarm is None and now >= 1 / self._alpha:
            self.alarm = Alarm(len(self.path), max(self._bets, key=lambda name: self._bets[name].value))
        return now
