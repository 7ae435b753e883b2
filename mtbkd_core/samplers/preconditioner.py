"""A Kronecker-factored preconditioner: a fixed linear map that makes the posterior nearly white for each chain.

In whitened coordinates u = theta / sigma the Gaussian prior is standard normal, but where data outweigh the prior the
posterior is badly conditioned. With A the mean outer product of a layer's inputs (1 for the bias included) and G that
of back-propagated Gauss-Newton gradients, the curvature of the log joint at a layer's weights is about
1 + sigma^2 N A x G. So u = L v, with L = R D: R the rotation into the eigenbases of A and G, D the scales
(1 + sigma^2 N a_i g_j)^(-1/2) there. The symmetric R D R' would do the same at twice the cost, for samplers do not see
a rotation of v. L is made once and is fixed, so the target is unchanged and every sampler runs on v.

Sources: Martens and Grosse, ICML 2015 (the factors); Grosse and Martens, ICML 2016 (of a convolution, over patches and
channels); Ritter, Botev and Barber, ICLR 2018 (as a posterior's covariance).
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from mtbkd_core.config.choices import Preconditioning
from mtbkd_core.config.models import SamplerConfig
from mtbkd_core.posterior import Density, LogPosterior
from mtbkd_core.prior import MixturePrior
from mtbkd_core.samplers.randomness import Randomness

#: From so many examples on, labelled or not, `auto` takes the preconditioner: tried with 150 and 200 it gains nothing,
#: with 500 six times the step (benchmarks/log/samplers.md), and a CNN of 2,000 twice the effective draws (clothing.md).
LEAST_EXAMPLES = 400


@dataclass(frozen=True)
class _Layer:
    """One layer's map.

    Attributes:
        inputs: [S, in + 1, in + 1], eigenbasis of A; [1, in + 1, in + 1] where all chains see the same inputs.
        outputs: [S, out, out], eigenbasis of G.
        scale: [S, out, in + 1].
    """

    inputs: Tensor
    outputs: Tensor
    scale: Tensor

    @property
    def basis(self) -> Tensor:
        """That of the inputs; without a chain axis where it is shared, for a single product is quicker than many."""
        return self.inputs[0] if len(self.inputs) == 1 else self.inputs

    def apply(self, values: Tensor) -> Tensor:
        """L times v [S, out, in + 1], which are weights and biases."""
        return self.outputs @ (values * self.scale) @ self.basis.mT

    def pull(self, gradient: Tensor) -> Tensor:
        """L' times a gradient on weights and biases: that on v."""
        return (self.outputs.mT @ gradient @ self.basis).mul_(self.scale)

    def invert(self, values: Tensor) -> Tensor:
        """The inverse of L times weights and biases."""
        return self.outputs.mT @ values @ self.basis / self.scale

    def of_chains(self, chains: Tensor) -> _Layer:
        """The map of some of the chains, by index."""
        own = self.inputs if len(self.inputs) == 1 else self.inputs[chains]
        return _Layer(own, self.outputs[chains], self.scale[chains])


@dataclass(frozen=True)
class Preconditioner:
    """The map u = L v of S chains, layer by layer of a student's flat parameters; all arguments are [S, P]."""

    layers: tuple[_Layer, ...]

    def apply(self, flat: Tensor) -> Tensor:
        """L v."""
        return self._flat([layer.apply(part) for layer, part in zip(self.layers, self._parts(flat), strict=True)])

    def pull(self, gradient: Tensor) -> Tensor:
        """The gradient on v of one on u: L' times it."""
        return self._flat([layer.pull(part) for layer, part in zip(self.layers, self._parts(gradient), strict=True)])

    def invert(self, flat: Tensor) -> Tensor:
        """The inverse of L times u."""
        return self._flat([layer.invert(part) for layer, part in zip(self.layers, self._parts(flat), strict=True)])

    def _parts(self, flat: Tensor) -> list[Tensor]:
        """Weights and biases side by side, [S, out, in + 1], layer by layer."""
        parts, start = [], 0
        for layer in self.layers:
            out, wide = layer.scale.shape[1:]
            middle, end = start + out * (wide - 1), start + out * wide
            weights = flat[:, start:middle].unflatten(1, (out, wide - 1))
            parts.append(torch.cat([weights, flat[:, middle:end, None]], 2))
            start = end
        return parts

    def _flat(self, parts: list[Tensor]) -> Tensor:
        return torch.cat([piece for part in parts for piece in (part[..., :-1].flatten(1), part[..., -1])], 1)

    def of_chains(self, chains: Tensor) -> Preconditioner:
        """The map of some of the chains, by index."""
        return Preconditioner(tuple(layer.of_chains(chains) for layer in self.layers))


@dataclass(frozen=True)
class Preconditioned:
    """A target in preconditioned coordinates v; called as the target itself is.

    Attributes:
        target: in whitened coordinates.
        map: to them.
        seconds: that making the map took.
    """

    target: LogPosterior
    map: Preconditioner
    seconds: float = 0.0

    @property
    def labels(self) -> Tensor:
        """Those of the target."""
        return self.target.labels

    def of_chains(self, chains: Tensor) -> Preconditioned:
        """The target of some of the chains, by index."""
        return Preconditioned(self.target.of_chains(chains), self.map.of_chains(chains), self.seconds)

    def whiten(self, position: Tensor) -> Tensor:
        """Preconditioned coordinates [S, P] of whitened positions [S, P]."""
        return self.map.invert(position)

    def __call__(self, position: Tensor, batch: Tensor | None = None) -> Density:
        """Log joint, gradient on v and shares at v [S, P]; the constant log |det L| is left out."""
        found = self.target(self.map.apply(position), batch)
        return replace(found, gradient=self.map.pull(found.gradient))


def chosen(settings: SamplerConfig, examples: int) -> Preconditioning:
    """What `auto` means for so many examples, labelled or not; else what was asked for.

    A step size that is given is one of whitened coordinates.
    """
    if settings.preconditioner is not Preconditioning.AUTO:
        return settings.preconditioner
    pays = examples >= LEAST_EXAMPLES and settings.step_size is None
    return Preconditioning.CURVATURE if pays else Preconditioning.NONE


def in_coordinates(
    target: LogPosterior, position: Tensor, settings: SamplerConfig, random: Randomness
) -> LogPosterior | Preconditioned:
    """The target in the coordinates that the sampler runs in, from whitened positions [S, P] after the warm start."""
    if chosen(settings, target.labels.shape[-1]) is Preconditioning.NONE:
        return target
    began = time.perf_counter()
    made = make_preconditioner(target, position, random)
    return Preconditioned(target, made, time.perf_counter() - began)


def make_preconditioner(target: LogPosterior, position: Tensor, random: Randomness) -> Preconditioner:
    """The preconditioner at whitened positions [S, P], where the warm start ended.

    Labels are drawn from the student's own predictions at labelled examples, and from its tempered ones at all
    examples, with weight sqrt(alpha lambda) / T, for the teachers' components.
    """
    student, count = target.student, target.labels.shape[-1]
    theta = student.weight_scale * position
    logits = student.logits(theta, target.x)
    labelled = (target.labels >= 0)[..., None].to(logits)
    counted = labelled if target.seen is None else labelled * target.seen[..., None]
    gradients = [_drawn(logits, random) * counted]
    if target.mixture is not None:
        gradients.append(_tempered(logits, target.mixture, random))
        if target.seen is not None:
            gradients[-1] = gradients[-1] * target.seen[..., None]
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
    """The same of the student's tempered probabilities, as much as all teachers together count.

    Where not all teachers know all classes, those of the classes of a teacher drawn by its responsibility.
    """
    weight = ((mixture.strength * mixture.concentration).sqrt() / mixture.temperature)[..., None, None]
    scaled = logits / mixture.temperature[..., None, None]
    if mixture.over is None:
        return _drawn(scaled, random) * weight
    share = mixture.shares(mixture.terms(logits)[0])
    below = share.cumsum(-2) < random.uniform((len(share), 1, share.shape[-1])).to(share)
    who = below.sum(-2, keepdim=True).clamp_max(share.shape[-2] - 1)[..., None]
    over = mixture.over.expand(*share.shape, -1).gather(-3, who.expand(*who.shape[:-1], scaled.shape[-1]))[..., 0, :, :]
    heard = share.sum(-2)[..., None]
    return _drawn(scaled.masked_fill(~over, -torch.inf), random) * weight * heard
