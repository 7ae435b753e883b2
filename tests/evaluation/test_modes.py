"""The modes without a chain, which the sampler's error of the marginal modes is worked out from."""

import torch

from mtbkd_core.evaluation.modes import modes, modes_without
from mtbkd_core.evaluation.sets import ascending


def test_modes_without_a_chain_are_those_of_the_others(generator: torch.Generator) -> None:
    """But for the grid and the bandwidth, which are those of all draws."""
    draws = (torch.randn(40, 3, generator=generator) + 0.3 * torch.randn(6, 50, 40, 3, generator=generator)).softmax(-1)
    found = modes_without(draws)
    for chain, own in enumerate(found):
        others = torch.cat([draws[:chain], draws[chain + 1 :]]).flatten(0, 1)
        expected = modes(ascending(others.movedim(0, -1)))
        assert float((own - expected).abs().median()) < 0.01


def test_a_chain_far_from_the_others_moves_the_mode_only_where_it_counts(generator: torch.Generator) -> None:
    """Two chains agree and the third has half of the draws' places: without it the mode is theirs."""
    near = torch.tensor([0.9, 0.1]) + 0.01 * torch.randn(2, 50, 1, 1, generator=generator) * torch.tensor([1.0, -1.0])
    far = torch.tensor([0.2, 0.8]).expand(1, 50, 1, 2) + 0.001 * torch.randn(1, 50, 1, 1, generator=generator) * (
        torch.tensor([1.0, -1.0])
    )
    found = modes_without(torch.cat([near, far]))
    assert abs(float(found[2, 0, 0]) - 0.9) < 0.02
