"""After which steps a draw is kept: each draw stands for the same share of the sampler's time."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from itertools import accumulate

from mtbkd_core.config.models import SamplerConfig
from mtbkd_core.samplers.registry import sampler_spec


def total_steps(settings: SamplerConfig) -> int:
    """Steps of the burn-in and the sampling."""
    return settings.burn_in + settings.draws * settings.thinning


def kept_steps(settings: SamplerConfig, draws: int | None = None) -> Sequence[int]:
    """[D], the numbers (from 1, burn-in included) of the steps after which a draw is kept.

    Constant steps keep one every `thinning` steps; decaying ones when a D-th of their sum after the burn-in is over,
    sooner at first and later at last. With little thinning one step may be kept twice, as its weight in Welling and
    Teh's average says.

    Args:
        draws: another number of draws than the settings'; each stands for the same time.
    """
    burn_in, thinning, count = settings.burn_in, settings.thinning, settings.draws if draws is None else draws
    time = sampler_spec(settings.algorithm).time
    steps = range(burn_in, total_steps(settings))
    if time(settings, steps[-1]) == time(settings, steps[0]):
        return range(burn_in + thinning, burn_in + count * thinning + 1, thinning)
    times = list(accumulate(time(settings, step) for step in steps))
    whole = times[-1]
    while times[-1] < whole * (count / settings.draws):
        times.append(times[-1] + time(settings, burn_in + len(times)))
    return [burn_in + 1 + bisect_left(times, whole * ((draw + 1) / settings.draws)) for draw in range(count)]
