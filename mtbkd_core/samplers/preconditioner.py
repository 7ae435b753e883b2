"""A Kronecker-factored preconditioner: a fixed linear map that makes the posterior nearly white for each chain.

In whitened coordinates u = theta / sigma the Gaussian prior is standard normal, but where data outweigh the prior the
posterior is badly conditioned. With A the mean outer product of a layer's inputs (1 for the bias included) and G that
of back-propagated Gauss-Newton gradients, the curvature of the log joint at a layer's weights is about
1 + sigma^2 N A x G. So u = L v, with L symmetric and with eigenvalues (1 + sigma^2 N a_i g_j)^(-1/2) in the eigenbases
of A and G. L is made once and is fixed, so the target is unchanged and every sampler runs on v.

Sources: Martens and Grosse, ICML 2015 (the factors); Ritter, Botev and Barber, ICLR 2018 (as a posterior's covariance).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from mtbkd_core.posterior import Density, LogPosterior
from mtbkd_core.prior import MixturePrior
from mtbkd_core.samplers.randomness import Randomness


@dataclass(frozen=True)
class _Layer:
    """One layer's map: eigenbases [S, in + 1, in + 1] and [S, out, out], and scales [S, out, in + 1]."""

    inputs: Tensor
    outputs: Tensor
    scale: Tensor

    def apply(self, values: Tensor, *, inverse: bool = False) -> Tensor:
        """L or its inverse times weights and biases [S, out, in + 1]."""
        inside = self.outputs.transpose(1, 2) @ values @ self.inputs
        inside = inside / self.scale if inverse else inside * self.scale
        return self.outputs @ inside @ self.inputs.transpose(1, 2)


@dataclass(frozen=True)
class Preconditioner:
    """The map u = L v of S chains, layer by layer of a student's flat parameters."""

    layers: tuple[_Layer, ...]

    def apply(self, flat: Tensor, *, inverse: bool = False) -> Tensor:
        """L times [S, P], or its inverse times it; L is symmetric."""
        parts, start = [], 0
        for layer in self.layers:
            out, wide = layer.scale.shape[1:]
            middle, end = start + out * (wide - 1), start + out * wide
            weights = flat[:, start:middle].unflatten(1, (out, wide - 1))
            values = layer.apply(torch.cat([weights, flat[:, middle:end, None]], 2), inverse=inverse)
            parts += [values[..., :-1].flatten(1), values[..., -1]]
            start = end
        return torch.cat(parts, 1)

    def of_chains(self, chains: Tensor) -> Preconditioner:
        """The map of some of the chains, by index."""
        return Preconditioner(
            tuple(_Layer(each.inputs[chains], each.outputs[chains], each.scale[chains]) for each in self.layers)
        )


@dataclass(frozen=True)
class Preconditioned:
    """A target in preconditioned coordinates v; called as the target itself is."""

    target: LogPosterior
    map: Preconditioner

    @property
    def labels(self) -> Tensor:
        """Those of the target."""
        return self.target.labels

    def of_chains(self, chains: Tensor) -> Preconditioned:
        """The target of some of the chains, by index."""
        return Preconditioned(self.target.of_chains(chains), self.map.of_chains(chains))

    def whiten(self, position: Tensor) -> Tensor:
        """Preconditioned coordinates [S, P] of whitened positions [S, P]."""
        return self.map.apply(position, inverse=True)

    def __call__(self, position: Tensor, batch: Tensor | None = None) -> Density:
        """Log joint, gradient on v and shares at v [S, P]; the constant log |det L| is left out."""
        found = self.target(self.map.apply(position), batch)
        return replace(found, gradient=self.map.apply(found.gradient))


def make_preconditioner(target: LogPosterior, position: Tensor, random: Randomness) -> Preconditioner:
    """The preconditioner at whitened positions [S, P], where the warm start ended.

    Labels are drawn from the student's own predictions at labelled examples, and from its tempered ones at all
    examples, with weight sqrt(alpha lambda) / T, for the teachers' components.
    """
    student, count = target.student, target.labels.shape[-1]
    theta = student.weight_scale * position
    logits = student.logits(theta, target.x)
    labelled = (target.labels >= 0)[..., None].to(logits)
    gradients = [_drawn(logits, random) * labelled]
    if target.mixture is not None:
        gradients.append(_tempered(logits, target.mixture, random))
    sums: list[tuple[Tensor, Tensor]] = []
    for gradient in gradients:
        each = student.layer_products(theta, target.x, gradient)
        sums = [(a, g + more) for (a, g), (_, more) in zip(sums, each, strict=True)] if sums else each
    layers = []
    for a, g in sums:
        a_values, a_vectors = torch.linalg.eigh(a.double() / count)
        g_values, g_vectors = torch.linalg.eigh(g.double() / count)
        curvature = g_values.clamp_min(0)[:, :, None] * a_values.clamp_min(0)[:, None, :]
        scale = (1 + student.weight_scale**2 * count * curvature).rsqrt()
        layers.append(_Layer(a_vectors.to(position), g_vectors.to(position), scale.to(position)))
    return Preconditioner(tuple(layers))


def _drawn(logits: Tensor, random: Randomness) -> Tensor:
    """The gradient [S, N, C] on the logits of a label drawn from them: onehot(y) - p."""
    p = logits.softmax(-1)
    below = p.cumsum(-1) < random.uniform(tuple(p.shape[:-1]))[..., None].to(p)
    labels = below.sum(-1).clamp_max(p.shape[-1] - 1)
    return torch.nn.functional.one_hot(labels, p.shape[-1]).to(p) - p


def _tempered(logits: Tensor, mixture: MixturePrior, random: Randomness) -> Tensor:
    """The same of the student's tempered probabilities, as much as all teachers together count."""
    weight = (mixture.strength * mixture.concentration).sqrt() / mixture.temperature
    return _drawn(logits / mixture.temperature[..., None, None], random) * weight[..., None, None]
