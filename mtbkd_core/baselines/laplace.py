"""A last-layer Laplace approximation around a classically distilled network.

The hidden layers stay as they were fitted; the last layer is Gaussian around its fitted value, with the inverse of the
negative log joint's Hessian as its covariance. The logits are linear in the last layer, so the generalised Gauss-Newton
matrix is that Hessian exactly. For a linear student the last layer is the whole network. The precision of the last
layer's prior is the one with the largest marginal likelihood, for each network.

Sources: Daxberger et al., "Laplace redux: effortless Bayesian deep learning", NeurIPS 2021; MacKay, "A practical
Bayesian framework for backpropagation networks", 1992 (the evidence).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from scipy.optimize import minimize_scalar
from torch import Tensor
from torch.nn.functional import pad

from mtbkd_core.baselines.base import Baseline, Problem, distillation_grid
from mtbkd_core.baselines.fitting import Settings
from mtbkd_core.common.progress import UserError, stop_if
from mtbkd_core.students.base import LARGEST_LAPLACE, Student, softmax

#: Draws of the last layer that a prediction averages.
DRAWS = 200
#: The evidence is searched up to this factor of the fitted weights' precision, in both directions.
_REACH = 1e4
#: The most logits that are worked out at once.
_MEMORY = 2**24


@torch.no_grad()
def laplace_distillation(problem: Problem, settings: Sequence[Settings], *, draws: int = DRAWS) -> Tensor:
    """Classic distillation from the teachers' mean with a last-layer Laplace approximation.

    Args:
        problem: its `networks` are approximated; `should_stop` is asked before each.
        draws: of each network's last layer, which are averaged.
    Returns:
        [S, M, C], each network's probabilities on the test examples, mean over its draws.
    Raises:
        UserError: the matrix would be too large.
    """
    student, data = problem.student, problem.data
    if not student.fits_laplace:
        raise UserError(
            f"student: its last layer has {student.sizes[-2] + 1:,} x {student.sizes[-1]} numbers; the matrix of a "
            f"Laplace approximation would take more than {LARGEST_LAPLACE >> 20} MiB"
        )
    theta, generator = problem.networks(settings).theta, problem.randomness.generator
    layers = last_layer(student, theta)
    predictions = []
    # one network after the other: a precision matrix is large enough to keep the machine busy, and S of them are large
    for own, layer, setting in zip(theta.split(1), layers, settings, strict=True):
        stop_if(problem.should_stop)
        mean = layer.double()
        curvature = last_layer_curvature(
            features(student, own, data.x)[0].double(),
            mean,
            labelled=len(problem.task.y_train),
            weight=setting["weight"],
            temperature=problem.config.prior.temperature,
        )
        curvature.diagonal().add_(best_precision(mean, curvature))
        sampled = draw_last_layer(mean, curvature, draws, generator).to(layer.dtype)
        pieces = []
        for part in problem.task.x_test.to(theta.device).split(max(1, _MEMORY // (draws * mean.shape[0]))):
            logits = torch.einsum("md,tcd->tmc", features(student, own, part)[0], sampled)
            pieces.append(softmax(logits).mean(0))
        predictions.append(torch.cat(pieces).cpu())
    return torch.stack(predictions)


def last_layer(student: Student, theta: Tensor) -> Tensor:
    """The last layer of parameters [S, P] as [S, C, H + 1], its bias in the last column."""
    weight, bias = student.layers(theta)[-1]
    return torch.cat([weight, bias], -1)


def features(student: Student, theta: Tensor, x: Tensor) -> Tensor:
    """Inputs of the last layer at inputs [N, F]: [S, N, H + 1], the last hidden layer's units and a one."""
    return pad(student.last_units(theta, x), (0, 1), value=1.0)


def last_layer_curvature(
    inputs: Tensor, mean: Tensor, *, weight: float, temperature: float, labelled: int | None = None
) -> Tensor:
    """Hessian of the negative log likelihood of labels and soft targets on the last layer.

    sum_i (diag p_i - p_i p_i') (x) phi_i phi_i' + (weight / T^2) sum_i (diag q_i - q_i q_i') (x) phi_i phi_i', with p
    and q the network's probabilities at temperatures 1 and T.

    Args:
        inputs: [N, D], the last layer's inputs phi with a one for the bias, D = H + 1.
        mean: [C, D], the last layer.
        weight: of the soft cross-entropy; temperature: T.
        labelled: how many of the inputs, the first ones, have a label; None: all.
    Returns:
        [C D, C D], classes outermost.
    """
    logits = inputs @ mean.t()
    curvature = _curvature(inputs[:labelled], logits[:labelled].softmax(-1))
    curvature += weight / temperature**2 * _curvature(inputs, (logits / temperature).softmax(-1))
    return curvature


def log_evidence(mean: Tensor, curvature: Tensor, precision: float) -> float:
    """The Laplace approximation of the log marginal likelihood, up to what the prior's precision does not change.

    (n / 2) log tau - (tau / 2) ||W||^2 - (1 / 2) log det(H + tau I), with tau the precision, W the n fitted numbers of
    the last layer [C, D], and H the curvature [n, n].
    """
    whole = curvature + precision * torch.eye(len(curvature), dtype=curvature.dtype, device=curvature.device)
    log_det = 2 * torch.linalg.cholesky(whole).diagonal().log().sum()
    return float(0.5 * mean.numel() * math.log(precision) - 0.5 * precision * mean.square().sum() - 0.5 * log_det)


def best_precision(mean: Tensor, curvature: Tensor) -> float:
    """The prior's precision with the largest `log_evidence`."""
    scale = mean.numel() / float(mean.square().sum())
    found = minimize_scalar(
        lambda log_tau: -log_evidence(mean, curvature, math.exp(log_tau)),
        bounds=(math.log(scale / _REACH), math.log(scale * _REACH)),
        method="bounded",
        options={"xatol": 0.02},
    )
    return math.exp(float(found.x))


def draw_last_layer(mean: Tensor, precision: Tensor, draws: int, generator: torch.Generator) -> Tensor:
    """[T, C, D] draws from the Gaussian with mean [C, D] and precision [C D, C D]."""
    factor = torch.linalg.cholesky(precision)
    noise = torch.randn(mean.numel(), draws, generator=generator, dtype=mean.dtype, device=mean.device)
    offset: Tensor = torch.linalg.solve_triangular(factor.mT, noise, upper=True)
    return mean + offset.t().reshape(draws, *mean.shape)


def _curvature(inputs: Tensor, p: Tensor) -> Tensor:
    """sum_i (diag p_i - p_i p_i') (x) phi_i phi_i', [C D, C D]: a block for each class, less one product."""
    weighted = p[..., None] * inputs[:, None, :]
    flat = weighted.flatten(1)
    blocks: Tensor = torch.block_diag(*torch.einsum("ncd,ne->cde", weighted, inputs))
    return blocks - flat.t() @ flat


BASELINES = (
    Baseline(
        "laplace",
        "Laplace",
        "Classic distillation with a Gaussian posterior around the last layer, its prior by the evidence.",
        distillation_grid,
        laplace_distillation,
        fits=1.5,
        available=lambda problem: problem.student.fits_laplace and problem.all_known,
        reason=f"the matrix of the student's last layer would take more than {LARGEST_LAPLACE >> 20} MiB, or there are "
        "examples with a class that no teacher knows",
    ),
)
