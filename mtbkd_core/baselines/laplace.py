"""A last-layer Laplace approximation around a classically distilled network.

The hidden layers stay as they were fitted; the last layer is Gaussian around its fitted value, with the inverse of the
negative log joint's Hessian as its covariance. The logits are linear in the last layer, so the generalised Gauss-Newton
matrix is that Hessian exactly. For a linear student the last layer is the whole network.

Source: Daxberger et al., "Laplace redux: effortless Bayesian deep learning", NeurIPS 2021.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import pad

from mtbkd_core.baselines.base import Baseline, Problem
from mtbkd_core.baselines.fitting import configured_student, training_set_of
from mtbkd_core.common.progress import UserError, stop_if
from mtbkd_core.students.base import LARGEST_LAPLACE, Student, softmax

#: Draws of the last layer that a prediction averages.
DRAWS = 200
#: The most logits that are worked out at once.
_MEMORY = 2**24


@torch.no_grad()
def laplace_distillation(problem: Problem, *, draws: int = DRAWS) -> Tensor:
    """Classic distillation from the teachers' mean with a last-layer Laplace approximation, by one network per chain.

    Args:
        problem: its `networks` are approximated; `should_stop` is asked before each.
        draws: of each network's last layer, which are averaged.
    Returns:
        [S, M, C], each network's probabilities on the test examples, mean over its draws.
    Raises:
        UserError: the matrix would be too large.
    """
    config, task = problem.config, problem.task
    student = configured_student(config, task)
    if not student.fits_laplace:
        raise UserError(
            f"student: its last layer has {student.sizes[-2] + 1:,} x {student.sizes[-1]} numbers; the matrix of a "
            f"Laplace approximation would take more than {LARGEST_LAPLACE >> 30} GiB"
        )
    theta = problem.networks.theta
    generator = torch.Generator(theta.device).manual_seed(config.seed)
    x = training_set_of(config, task).x.to(theta.device)
    predictions = []
    # one network after the other: a precision matrix is large enough to keep the machine busy, and S of them are large
    for own, mean in zip(theta.split(1), last_layer(student, theta), strict=True):
        stop_if(problem.should_stop)
        precision = last_layer_precision(
            features(student, own, x)[0].double(),
            mean.double(),
            labelled=len(task.y_train),
            weight=problem.soft_weight,
            temperature=config.prior.temperature,
            weight_scale=student.weight_scale,
        )
        sampled = draw_last_layer(mean.double(), precision, draws, generator).to(mean.dtype)
        pieces = []
        for part in task.x_test.to(theta.device).split(max(1, _MEMORY // (draws * mean.shape[0]))):
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


def last_layer_precision(
    inputs: Tensor,
    mean: Tensor,
    *,
    weight: float,
    temperature: float,
    weight_scale: float,
    labelled: int | None = None,
) -> Tensor:
    """Hessian of the negative log joint on the last layer: labels, soft targets and the Gaussian prior.

    sum_i (diag p_i - p_i p_i') (x) phi_i phi_i' + (weight / T^2) sum_i (diag q_i - q_i q_i') (x) phi_i phi_i'
    + I / sigma^2, with p and q the network's probabilities at temperatures 1 and T.

    Args:
        inputs: [N, D], the last layer's inputs phi with a one for the bias, D = H + 1.
        mean: [C, D], the last layer.
        weight: of the soft cross-entropy; temperature: T; weight_scale: sigma.
        labelled: how many of the inputs, the first ones, have a label; None: all.
    Returns:
        [C D, C D], classes outermost.
    """
    logits = inputs @ mean.t()
    precision = _curvature(inputs[:labelled], logits[:labelled].softmax(-1))
    precision += weight / temperature**2 * _curvature(inputs, (logits / temperature).softmax(-1))
    precision.diagonal().add_(weight_scale**-2)
    return precision


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
        "Classic distillation with a Gaussian posterior around the last layer.",
        laplace_distillation,
        fits=0.0,  # it starts from the networks of mean_kd
        available=lambda problem: configured_student(problem.config, problem.task).fits_laplace,
        reason=f"the matrix of the student's last layer would take more than {LARGEST_LAPLACE >> 30} GiB",
    ),
)
