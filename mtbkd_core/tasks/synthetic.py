"""A plane with a known truth: two inputs, three classes, and teachers by formula, exact and instant anywhere.

Inputs are uniform on the disc of radius 2, so that each has variance 1. The true logits of class c at a point x are
2.1 u_c . S x, with u_c three unit vectors 120 degrees apart; S turns x by `swirl` radians for every unit of its
distance from the centre. Without swirl the truth is a softmax of a linear map, which a linear student can be exactly;
its six weights are plausible draws of a Gaussian with standard deviation 1.5. Labels are drawn from the true
probabilities.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from mtbkd_core.common.files import content_hash
from mtbkd_core.common.progress import OnProgress, ShouldStop
from mtbkd_core.config.models import DataConfig
from mtbkd_core.tasks import plane_changes
from mtbkd_core.tasks.base import KnownTruth, Task, Teacher
from mtbkd_core.tasks.plane_changes import BOUND, SHAPES, PlaneChanges
from mtbkd_core.tasks.source import TaskInfo, check_split
from mtbkd_core.teachers.base import TeacherInfo

N_TRAIN, MOST_TRAIN, N_TEST = 150, 20_000, 1_000
RADIUS = 2.0
CLASSES = ("A", "B", "C")
#: Raise it when a formula changes: every fingerprint changes with it.
FORMULA_VERSION = 1

#: With the seed, they make the streams of random numbers differ.
_TRAIN_STREAM, _NOISE_STREAM = 0, 2
_STREAMS = {"test": 1, "validation": 3}

_STEEPNESS = 2.1
_CLASS_ANGLES = (30.0, 150.0, 270.0)
#: What an expert knows fades over about 1 / _FADE beyond its region.
_FADE = 4.0
#: Where an expert knows nothing, the logit of one class, the others being 0: its entropy is 1.09 of 1.10.
_LEAN = 0.3
_NODES = 40
_NOISE, _NOISE_SCALE, _NOISE_FEATURES = 1.5, 1.2, 64

TEACHERS = (
    TeacherInfo("north", "North expert", "Knows the truth in the north; uncertain outside it."),
    TeacherInfo("south-west", "South-west expert", "Knows the truth in the south-west; uncertain outside it."),
    TeacherInfo("south-east", "South-east expert", "Knows the truth in the south-east; uncertain outside it."),
    TeacherInfo("noisy", "Noisy", "The truth everywhere with smooth noise added; its certainty includes the noise."),
    TeacherInfo("confidently-wrong", "Confidently wrong", "Takes every class for the next one, with high certainty."),
)
EXPERTS = ("north", "south-west", "south-east")
WRONG = "confidently-wrong"


def _directions(angles: Sequence[float], like: Tensor) -> Tensor:
    """[n, 2] unit vectors at angles in degrees, counted from the first axis."""
    turn = torch.tensor(angles, dtype=torch.float64).deg2rad()
    return torch.stack([turn.cos(), turn.sin()], -1).to(like)


def truth_logits(x: Tensor, swirl: float) -> Tensor:
    """[M, 3], the true logits at [M, 2] points; the true probabilities are their softmax."""
    turn = swirl * x.norm(dim=-1)
    cosine, sine = turn.cos(), turn.sin()
    turned = torch.stack([cosine * x[:, 0] - sine * x[:, 1], sine * x[:, 0] + cosine * x[:, 1]], -1)
    return _STEEPNESS * turned @ _directions(_CLASS_ANGLES, x).t()


def knowledge(x: Tensor, angle: float, reach: float) -> Tensor:
    """[M], from 0 to 1: how much of the truth's logits an expert has at [M, 2] points; its shape as in `SHAPES`."""
    return torch.sigmoid(_FADE * (x @ _directions([angle], x)[0] + reach))


def noise(x: Tensor, seed: int) -> Tensor:
    """[M, 3] smooth noise by random features: near a Gaussian process of standard deviation 1.5, length 1 / 1.2.

    Source: Rahimi and Recht, "Random features for large-scale kernel machines", NeurIPS 2007.
    """
    random = np.random.default_rng([seed, _NOISE_STREAM])
    frequency = torch.from_numpy(_NOISE_SCALE * random.standard_normal((2, _NOISE_FEATURES))).to(x)
    phase = torch.from_numpy(2 * math.pi * random.random(_NOISE_FEATURES)).to(x)
    weight = torch.from_numpy(random.standard_normal((_NOISE_FEATURES, len(CLASSES)))).to(x)
    return _NOISE * math.sqrt(2 / _NOISE_FEATURES) * (x @ frequency + phase).cos() @ weight


def teacher_logits(
    names: Sequence[str], x: Tensor, *, swirl: float, seed: int, shapes: Mapping[str, tuple[float, ...]] = SHAPES
) -> Tensor:
    """Logits of the teachers anywhere.

    Args:
        names: K of `TEACHERS`.
        x: [M, 2].
        swirl: of the truth.
        seed: of the noisy teacher's noise.
        shapes: of teachers that differ from `SHAPES`.
    Returns:
        [K, M, 3].
    Raises:
        UserError: no teacher, or an unknown one.
    """
    true = truth_logits(x, swirl)
    logits = []
    for teacher in CURVED.INFO.choose_teachers(names):
        shape = shapes.get(teacher.name, SHAPES[teacher.name])
        if teacher.name in EXPERTS:
            share = knowledge(x, *shape)[:, None]
            lean = torch.eye(len(CLASSES)).to(x)[EXPERTS.index(teacher.name)]
            logits.append(share * true + (1 - share) * _LEAN * lean)
        elif teacher.name == "noisy":
            logits.append(true + shape[0] * noise(x, seed))
        else:
            logits.append(shape[0] * true.roll(1, -1))
    return torch.stack(logits)


def blind_logits(x: Tensor, swirl: float) -> Tensor:
    """[M, 3], logits of a teacher that is exactly calibrated and sees the first input alone.

    Its probabilities are the mean of the true ones over the second input given the first, which is uniform on a chord
    of the disc; by Gauss-Legendre quadrature.
    """
    nodes, weights = np.polynomial.legendre.leggauss(_NODES)
    node, share = (torch.from_numpy(part).to(x) for part in (nodes, weights / 2))
    first = x[:, :1].clamp(-RADIUS, RADIUS)
    second = (RADIUS**2 - first**2).sqrt() * node
    every = torch.stack([first.expand_as(second), second], -1)
    truth = truth_logits(every.view(-1, 2), swirl).softmax(-1).view(*second.shape, -1)
    return (truth * share[:, None]).sum(1).log()


def draw(count: int, swirl: float, seed: Sequence[int]) -> tuple[Tensor, Tensor]:
    """`count` points [M, 2] and labels [M] drawn from the truth; the first of more points are the same points."""
    uniform = np.random.default_rng(list(seed)).random((count, 3))
    radius, angle = RADIUS * np.sqrt(uniform[:, 0]), 2 * np.pi * uniform[:, 1]
    x = torch.from_numpy(np.stack([radius * np.cos(angle), radius * np.sin(angle)], -1))
    below = truth_logits(x, swirl).softmax(-1).cumsum(-1)[:, :-1]
    labels = (torch.from_numpy(uniform[:, 2:]) > below).sum(-1)
    return x.float(), labels


@dataclass(frozen=True)
class PlaneTask:
    """A task on the plane, as the registry takes it: `INFO`, `load` and `fingerprint`.

    Attributes:
        swirl: of the truth, in radians per unit of distance from the centre.
    """

    INFO: TaskInfo
    swirl: float

    def missing(self) -> str | None:
        """None: the data is drawn."""
        return None

    def load(
        self, data: DataConfig, split: str, on_progress: OnProgress | None, should_stop: ShouldStop | None
    ) -> Task:
        """Draw the points and labels and evaluate the teachers; nothing is trained, so there is no progress.

        The split seed also draws the noisy teacher's noise. Arguments and errors as `catalog.registry.load_task`.
        """
        chosen, changes = self.INFO.choose_teachers(data.teachers), plane_changes.parse(data.changes)
        drawn = draw(self.INFO.check_labelled(data.n_labelled), self.swirl, [data.split_seed, _TRAIN_STREAM])
        x_train, y_train = changes.applied(*drawn)
        x_test, y_test = draw(N_TEST, self.swirl, [data.split_seed, _STREAMS[check_split(split)]])

        def logits(names: Sequence[str], x: Tensor) -> Tensor:
            return teacher_logits(names, x, swirl=self.swirl, seed=data.split_seed, shapes=changes.shapes)

        names = [teacher.name for teacher in chosen]
        return Task(
            name=self.INFO.name,
            title=self.INFO.title,
            description=self.INFO.description,
            x_train=x_train,
            y_train=y_train,
            x_test=x_test,
            y_test=y_test,
            class_names=CLASSES,
            teachers={
                teacher.name: Teacher(
                    **vars(teacher),
                    logits_train=on_train,
                    logits_test=on_test,
                    fingerprint=self._hash_of_teacher(teacher.name, data.split_seed, changes),
                )
                for teacher, on_train, on_test in zip(
                    chosen, logits(names, x_train), logits(names, x_test), strict=True
                )
            },
            fingerprint=self._hash_of_data(data, split),
            truth=KnownTruth(lambda x: truth_logits(x, self.swirl).softmax(-1), logits, (-BOUND, BOUND)),
        )

    def fingerprint(self, data: DataConfig, split: str) -> str:
        """What `Task.fingerprint_of` these teachers would be. Errors as `load`."""
        chosen, changes = self.INFO.choose_teachers(data.teachers), plane_changes.parse(data.changes)
        parts = [self._hash_of_teacher(teacher.name, data.split_seed, changes) for teacher in chosen]
        return content_hash(self._hash_of_data(data, split), *parts)

    def _hash_of_data(self, data: DataConfig, split: str) -> str:
        count = self.INFO.check_labelled(data.n_labelled)
        what = [FORMULA_VERSION, self.swirl, data.split_seed, check_split(split), count, N_TEST]
        return content_hash("synthetic", json.dumps(what + plane_changes.parse(data.changes).points))

    def _hash_of_teacher(self, name: str, split_seed: int, changes: PlaneChanges) -> str:
        seed = split_seed if name == "noisy" else None
        shape = [changes.shapes[name]] if name in changes.shapes else []
        return content_hash("synthetic teacher", json.dumps([FORMULA_VERSION, self.swirl, name, seed, *shape]))


def _info(name: str, title: str, short: str, description: str, **settings: str) -> TaskInfo:
    return TaskInfo(
        name=name,
        title=title,
        short=short,
        description=description,
        n_classes=len(CLASSES),
        teachers=TEACHERS,
        default_teachers=EXPERTS,
        item="point",
        n_labelled=N_TRAIN,
        most_labelled=MOST_TRAIN,
        changeable=True,
        defaults={key.replace("__", "."): text for key, text in settings.items()},
        source="made up by formulas of the program mtbkd-explorer",
        licence="mit",
    )


CURVED = PlaneTask(
    _info(
        "synthetic",
        "Three classes on a plane",
        "Plane",
        "Two inputs, three classes with known true probabilities and curved borders: 150 labelled "
        "points for the student, or any other number.",
        prior__concentration="6",
        prior__temperature="1",
        student__weight_scale="1.2",
        # Experts that know the truth make the posterior stiff in places: at its tuned step size, BAOAB left it on
        # every other seed.
        sampler__algorithm="mclmc",
        sampler__burn_in="1000",
        # the log joint forgets its past more slowly than predictions do
        sampler__thinning="52",
    ),
    swirl=0.9,
)
LINEAR = PlaneTask(
    _info(
        "synthetic-linear",
        "Three classes, straight borders",
        "Straight plane",
        "The same plane with straight borders, which a linear student can learn exactly: so that credible "
        "intervals can be compared with the truth.",
        prior__concentration="6",
        prior__temperature="1",
        student__kind="linear",
        student__weight_scale="1.5",
    ),
    swirl=0.0,
)
