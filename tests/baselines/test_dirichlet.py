"""EnD2: the proxy's sum of parameters, and the reverse KL divergence against torch's own Dirichlets."""

import pytest
import torch
from torch.distributions import Dirichlet, kl_divergence

from mtbkd_core.baselines.dirichlet import proxy, proxy_loss


def test_the_proxy_finds_the_parameters_of_a_dirichlet_that_members_were_drawn_from(
    generator: torch.Generator,
) -> None:
    torch.manual_seed(0)
    alpha = torch.tensor([40.0, 25.0, 60.0], dtype=torch.float64)
    mean, total = proxy(Dirichlet(alpha).sample((4000, 1)))
    torch.testing.assert_close(mean[0], alpha / alpha.sum(), atol=3e-3, rtol=0)
    assert float(total) == pytest.approx(float(alpha.sum()), rel=0.05)  # Stirling's formula, and 4,000 draws


def test_members_that_agree_have_a_sure_proxy_that_is_finite() -> None:
    p = torch.tensor([[[0.7, 0.2, 0.1]]] * 3)
    mean, total = proxy(p)
    torch.testing.assert_close(mean, p[0])
    assert 1e3 < float(total) <= 1e4


def test_the_loss_is_the_reverse_kl_divergence_up_to_a_constant(generator: torch.Generator) -> None:
    """Over the proxy's sum, with parameters 1 + total * mean, as the paper has it."""
    mean = torch.tensor([[0.6, 0.3, 0.1]], dtype=torch.float64)
    total = torch.tensor([7.0], dtype=torch.float64)
    scaled = torch.randn(5, 1, 3, generator=generator, dtype=torch.float64)
    found = proxy_loss(scaled, mean, total)[:, 0]
    student = Dirichlet(1 + scaled[:, 0].exp())
    divergence = kl_divergence(student, Dirichlet((1 + total[:, None] * mean).expand(5, 3)))
    gap = found - divergence / total
    torch.testing.assert_close(gap, gap[:1].expand(5))
