"""The kinds that a setting chooses among: each member carries its title, its help and the settings that it uses.

What a kind does stands in its own file (`prior/weights.py`, `students/`, `samplers/`), which is found by the member's
value; here is only what a person reads and what validation needs.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Self


class Choice(StrEnum):
    """An enum of kinds.

    Attributes:
        title: for people.
        help: one line: what happens with it.
        uses: names of settings that matter with this kind and not with every other one.
    """

    title: str  # type: ignore[assignment]
    help: str
    uses: frozenset[str]

    def __new__(cls, value: str, title: str = "", help: str = "", uses: tuple[str, ...] = ()) -> Self:
        """A member from its value, title, help and the names of the settings that it uses."""
        member = str.__new__(cls, value)
        member._value_ = value
        member.title, member.help, member.uses = title, help, frozenset(uses)
        return member


class WeightRule(Choice):
    """How the teachers' weights follow from their entropies at an example."""

    INVERSE_ENTROPY = (
        "inverse_entropy",
        "Inverse entropy",
        "The paper's: base weight times one minus the teacher's share of all entropy.",
        ("prior.entropy_temperatures",),
    )
    SOFTMIN = (
        "softmin",
        "Softmin",
        "Base weight times exp(-entropy / softmin temperature): near 0, only the most certain teacher counts.",
        ("prior.entropy_temperatures", "prior.softmin_temperature"),
    )
    FIXED = "fixed", "Fixed", "The base weights as they are, the same for every example."


class StudentKind(Choice):
    """The student's architecture.

    Attributes:
        needs_pictures: whether inputs have to be pictures.
    """

    LINEAR = "linear", "Linear", "Multinomial logistic regression: one layer, no hidden units."
    MLP = "mlp", "MLP", "A fully connected network with SiLU units.", ("student.hidden",)
    CNN = (
        "cnn",
        "CNN",
        "A small convolutional network with SiLU units, for tasks with pictures as inputs.",
        ("student.channels", "student.first_map"),
    )

    @property
    def needs_pictures(self) -> bool:
        """Whether inputs have to be pictures."""
        return self is StudentKind.CNN


#: Pixels on a side of a patch: a picture's shorter side has no fewer.
PATCH = 6


class FeatureKind(Choice):
    """What the student learns from: the inputs, or fixed features of them.

    Attributes:
        needs_pictures: whether inputs have to be pictures.
    """

    NONE = "none", "Inputs", "The inputs themselves."
    PATCHES = (
        "patches",
        "Patches",
        "Of pictures: how much their patches resemble typical ones, zone by zone, in principal components (Coates, Ng "
        "and Lee, 2011).",
        ("student.n_features",),
    )
    KERNEL = (
        "kernel",
        "Kernel",
        "Similarities to some of the training inputs, made independent (Nystroem): a linear student on them is nearly "
        "a Gaussian kernel's.",
        ("student.n_features",),
    )

    @property
    def needs_pictures(self) -> bool:
        """Whether inputs have to be pictures."""
        return self is FeatureKind.PATCHES


class Algorithm(Choice):
    """The sampler that explores the posterior."""

    BAOAB = (
        "baoab",
        "BAOAB",
        "Langevin dynamics with momentum, split as B-A-O-A-B: it keeps its direction for a while and so gets far. "
        "With a batch size it is stochastic gradient HMC (SGHMC).",
        ("sampler.friction", "sampler.batch_size", "sampler.bias_check"),
    )
    SGLD = (
        "sgld",
        "SGLD",
        "Stochastic gradient Langevin dynamics: a gradient step and fresh noise, again and again: a random walk, "
        "simple and slow to explore.",
        ("sampler.schedule", "sampler.batch_size", "sampler.bias_check"),
    )
    MCLMC = (
        "mclmc",
        "MCLMC",
        "Microcanonical Langevin: constant speed, the gradient only turns it; needs all examples, unadjusted.",
        ("sampler.friction", "sampler.bias_check"),
    )
    HMC = (
        "hmc",
        "HMC",
        "Hamiltonian trajectories that are accepted or refused: exact at any step size, and the reference for the "
        "other samplers. A step is a whole trajectory, so it costs more; needs all examples.",
        ("sampler.leapfrog_steps",),
    )


class Schedule(Choice):
    """How SGLD's step size goes on."""

    CONSTANT = "constant", "Constant", "The same step throughout, and its small bias."
    DECAYING = (
        "decaying",
        "Decaying",
        "Step t is eps (1 + t / b)^-0.55, b the steps of burn-in or 1: the bias falls, and exploring slows down. Draws "
        "are kept at equal intervals of the sum of steps, so that each counts the same (Welling and Teh, 2011).",
    )


class Preconditioning(Choice):
    """The coordinates that the sampler runs in."""

    AUTO = (
        "auto",
        "Auto",
        "Curvature where the student learns from 400 examples or more, labelled or not, and no step size is given; "
        "else none. With fewer examples it gains nothing.",
    )
    NONE = "none", "None", "Whitened coordinates: every parameter over its prior standard deviation."
    CURVATURE = (
        "curvature",
        "Curvature",
        "Coordinates in which the posterior is nearly white, from Kronecker factors made once after the warm start "
        "(Martens and Grosse, 2015). The posterior stays the same; where data outweigh the prior, chains mix better.",
    )


class BiasChecking(Choice):
    """Whether a run's draws are compared with exact ones."""

    AUTO = "auto", "Auto", "On for SGLD, which was seen to be biased where R-hat was fine; off for the others."
    ON = "true", "On", "The draws are compared with those of exact HMC."
    OFF = "false", "Off", "They are not."


class Device(Choice):
    """Where the run computes."""

    AUTO = "auto", "Auto", "The GPU when there is one, else the processor; the run records which it was."
    CPU = "cpu", "CPU", "The processor."
    CUDA = "cuda", "GPU", "The GPU; the run is refused where there is none."
