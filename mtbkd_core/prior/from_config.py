"""The mixture prior that a configuration asks for, and settings that differ by chain."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from mtbkd_core.config.models import PriorConfig
from mtbkd_core.prior.mixture import MixturePrior
from mtbkd_core.prior.partial import apart
from mtbkd_core.prior.weights import entropy_weights, floating, like


def weights_under(
    teacher_logits: Tensor, prior: PriorConfig, active: Tensor | None = None, together: Tensor | None = None
) -> Tensor:
    """The entropy weights [K, N] that a setting gives teachers.

    Args:
        teacher_logits, together: [K, N, C] each, see `partial.apart`.
        active: [K] booleans; teachers that are not active are left out.
    """
    logits, tail = apart(teacher_logits, together)
    return entropy_weights(
        logits,
        rule=prior.rule,
        base=prior.base_weights,
        entropy_temperature=prior.entropy_temperatures or 1.0,
        softmin_temperature=prior.softmin_temperature,
        active=active,
        tail=tail,
    )


def prior_logits(teacher_logits: Tensor, prior: PriorConfig) -> Tensor:
    """The logits [K, N, C] that a setting's mixture uses: the teachers' own, or calibrated ones."""
    if not prior.calibrated_teachers or prior.entropy_temperatures is None:
        return teacher_logits
    logits = floating(teacher_logits)
    return logits / like(prior.entropy_temperatures, logits)[:, None, None]


def stack_priors(
    teacher_logits: Tensor,
    priors: Sequence[PriorConfig],
    active: Tensor | None = None,
    together: Tensor | None = None,
) -> MixturePrior:
    """The mixture prior for one setting, or for one setting per chain.

    Args:
        teacher_logits, together: [K, N, C] each, see `partial.apart`.
        priors: one setting for all chains, or S settings for S chains.
        active: [K] or [S, K] booleans, the subset of teachers of each chain; None: all.
    Returns:
        a prior with a leading axis [S] wherever settings differ by chain.
    Raises:
        ValueError: as `entropy_weights` and `MixturePrior.build`; a strength that is not chosen yet; no setting, or
            numbers of settings and subsets that do not agree.
    """
    count = teacher_logits.shape[0]
    subsets = 1 if active is None or active.ndim == 1 else active.shape[0]
    if not priors or (active is not None and active.shape[-1] != count) or len({1, len(priors), subsets}) > 2:
        shape = None if active is None else tuple(active.shape)
        raise ValueError(
            f"settings and subsets must agree with {count} teachers, got {len(priors)} settings, active {shape}"
        )
    masks = [active] if active is None or active.ndim == 1 else list(active)
    chains = max(len(priors), len(masks))
    settings, masks = list(priors) * (chains // len(priors)), masks * (chains // len(masks))
    built = []
    for prior, mask in zip(settings, masks, strict=True):
        logits, tail = apart(prior_logits(teacher_logits, prior), together)
        built.append(
            MixturePrior.build(
                logits,
                weights_under(teacher_logits, prior, mask, together),
                concentration=prior.concentration,
                temperature=prior.temperature,
                strength=prior.known_strength,
                tail=tail,
            )
        )
    return MixturePrior.stack(built, chains=1)
