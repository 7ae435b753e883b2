"""Every baseline that gives networks, in the order of the table; one that starts from another comes after it."""

from mtbkd_core.baselines import adaptive, classic, dirichlet, dropout, laplace, plain, swag
from mtbkd_core.baselines.base import Baseline

_FAMILIES = (classic, adaptive, dirichlet, plain, dropout, laplace, swag)
BASELINES: tuple[Baseline, ...] = tuple(each for family in _FAMILIES for each in family.BASELINES)
