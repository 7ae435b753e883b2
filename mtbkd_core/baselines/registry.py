"""Every baseline that gives networks, in the order of the table."""

from mtbkd_core.baselines import classic, dropout, laplace
from mtbkd_core.baselines.base import Baseline

BASELINES: tuple[Baseline, ...] = (*classic.BASELINES, *dropout.BASELINES, *laplace.BASELINES)
