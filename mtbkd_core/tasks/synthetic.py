"""A plane whose truth is known: two inputs, three classes, and teachers by formula, exact and instant anywhere.

Inputs are uniform on the disc of radius 2, so that each has variance 1. The true logits of class c at a point x are
2.1 u_c . S x, with u_c three unit vectors 120 degrees apart; S turns x by `swirl` radians for every unit of its
distance from the centre. Without swirl the truth is a softmax of a linear map, which a linear student can be exactly;
its six weights are plausible draws of a Gaussian with standard deviation 1.5. Labels are drawn from the true
probabilities.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from mtbkd_core.common.files import content_hash
from mtbkd_core.common.progress import OnProgress, ShouldStop, UserError
from mtbkd_core.tasks.base import KnownTruth, Task, TaskInfo, Teacher
from mtbkd_core.teachers.base import TeacherInfo

N_TRAIN, MOST_TRAIN, N_TEST = 150, 20_000, 1_000
RADIUS, BOUND = 2.0, 2.6
CLASSES = ("A", "B", "C")
#: Raise it when a formula changes: every fingerprint changes with it.
FORMULA_VERSION = 1

#: Beside the seed, what tells the streams of random numbers apart.
_TRAIN_STREAM, _NOISE_STREAM = 0, 2
_STREAMS = {"test": 1, "validation": 3}

_STEEPNESS = 2.1
_CLASS_ANGLES = (30.0, 150.0, 270.0)
#: Where each expert's region lies, seen from the centre.
_EXPERT_ANGLES = {"north": 90.0, "south-west": 210.0, "south-east": 330.0}
#: An expert knows the points with direction . x above -_REACH, and fades over about 1 / _FADE beyond.
_REACH, _FADE = 0.3, 4.0
#: Where an expert knows nothing, this is the logit of the one class that it then leans to: its entropy is 1.09 of 1.10.
_LEAN = 0.3
_NOISE, _NOISE_SCALE, _NOISE_FEATURES = 1.5, 1.2, 64
#: By how much the confidently wrong teacher's logits are those of somebody surer than the truth.
WRONG_SHARPNESS = 2.0

TEACHERS = (
    TeacherInfo("north", "North expert", "Knows the truth in the north; elsewhere it says that it does not know."),
    TeacherInfo("south-west", "South-west expert", "Knows the truth in the south-west, and nothing elsewhere."),
    TeacherInfo("south-east", "South-east expert", "Knows the truth in the south-east, and nothing elsewhere."),
    TeacherInfo("noisy", "Noisy", "The truth everywhere, disturbed by smooth noise that it takes for knowledge."),
    TeacherInfo("confidently-wrong", "Confidently wrong", "Takes every class for the next one, and is sure of it."),
)
EXPERTS = tuple(_EXPERT_ANGLES)


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


def knowledge(name: str, x: Tensor) -> Tensor:
    """[M], from 0 to 1: how much of the truth's logits an expert has at [M, 2] points."""
    direction = _directions([_EXPERT_ANGLES[name]], x)[0]
    return torch.sigmoid(_FADE * (x @ direction + _REACH))


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
    names: Sequence[str], x: Tensor, *, swirl: float, seed: int, wrong_sharpness: float = WRONG_SHARPNESS
) -> Tensor:
    """What teachers say anywhere.

    Args:
        names: K of `TEACHERS`.
        x: [M, 2].
        swirl: of the truth.
        seed: of the noisy teacher's noise.
        wrong_sharpness: by what the confidently wrong teacher multiplies its logits.
    Returns:
        [K, M, 3].
    Raises:
        UserError: no teacher, or an unknown one.
    """
    check_teachers(names)
    true = truth_logits(x, swirl)
    says = []
    for name in names:
        if name in _EXPERT_ANGLES:
            share = knowledge(name, x)[:, None]
            lean = torch.eye(len(CLASSES)).to(x)[EXPERTS.index(name)]
            says.append(share * true + (1 - share) * _LEAN * lean)
        elif name == "noisy":
            says.append(true + noise(x, seed))
        else:
            says.append(wrong_sharpness * true.roll(1, -1))
    return torch.stack(says)


def check_teachers(names: Sequence[str]) -> None:
    """Refuse no teacher and unknown ones by a `UserError`."""
    known = [teacher.name for teacher in TEACHERS]
    unknown = [name for name in names if name not in known]
    if unknown or not names:
        wrong = f"synthetic has no {unknown[0]!r}" if unknown else "none is named"
        raise UserError(f"teachers: {wrong}; synthetic has {', '.join(known)}")


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
        self,
        teachers: Sequence[str] | None = None,
        split_seed: int = 0,
        split: str = "test",
        on_progress: OnProgress | None = None,
        should_stop: ShouldStop | None = None,
        n_train: int | None = None,
    ) -> Task:
        """Draw the data and evaluate the teachers; nothing is trained, so nobody is told of progress.

        Args:
            teachers: names; None for all.
            split_seed: of the points, the labels and the noisy teacher.
            split: "test", or "validation": other points to be measured on.
            n_train: labelled points; None for 150.
        Raises:
            UserError: an unknown teacher or split, or more than 20,000 labelled points.
        """
        names = [teacher.name for teacher in TEACHERS] if teachers is None else list(teachers)
        check_teachers(names)
        self._check_split(split)
        x_train, y_train = draw(self.INFO.check_n_train(n_train), self.swirl, [split_seed, _TRAIN_STREAM])
        x_test, y_test = draw(N_TEST, self.swirl, [split_seed, _STREAMS[split]])

        def says(names: Sequence[str], x: Tensor) -> Tensor:
            return teacher_logits(names, x, swirl=self.swirl, seed=split_seed)

        on_train, on_test = says(names, x_train), says(names, x_test)
        known = {teacher.name: teacher for teacher in TEACHERS}
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
                name: Teacher(
                    name,
                    known[name].title,
                    known[name].description,
                    on_train[k],
                    on_test[k],
                    self._hash_of_teacher(name, split_seed),
                )
                for k, name in enumerate(names)
            },
            fingerprint=self._hash_of_data(split_seed, split, n_train),
            truth=KnownTruth(lambda x: truth_logits(x, self.swirl).softmax(-1), says, (-BOUND, BOUND)),
        )

    def fingerprint(
        self, teachers: Sequence[str] | None, split_seed: int, split: str = "test", n_train: int | None = None
    ) -> str:
        """What `Task.fingerprint_of` these teachers would be. Errors as `load`."""
        names = [teacher.name for teacher in TEACHERS] if teachers is None else list(teachers)
        check_teachers(names)
        parts = [self._hash_of_teacher(name, split_seed) for name in names]
        return content_hash(self._hash_of_data(split_seed, split, n_train), *parts)

    def _hash_of_data(self, split_seed: int, split: str, n_train: int | None) -> str:
        self._check_split(split)
        count = self.INFO.check_n_train(n_train)
        return content_hash("synthetic", json.dumps([FORMULA_VERSION, self.swirl, split_seed, split, count, N_TEST]))

    def _hash_of_teacher(self, name: str, split_seed: int) -> str:
        seed = split_seed if name == "noisy" else None
        return content_hash("synthetic teacher", json.dumps([FORMULA_VERSION, self.swirl, name, seed]))

    def _check_split(self, split: str) -> None:
        if split not in _STREAMS:
            raise UserError(f"split: got {split!r}, allowed: {', '.join(_STREAMS)}")


def _info(name: str, title: str, description: str, **settings: str) -> TaskInfo:
    return TaskInfo(
        name=name,
        title=title,
        description=description,
        n_classes=len(CLASSES),
        teachers=TEACHERS,
        default_teachers=EXPERTS,
        item="point",
        n_train=N_TRAIN,
        most_train=MOST_TRAIN,
        defaults={key.replace("__", "."): text for key, text in settings.items()},
    )


CURVED = PlaneTask(
    _info(
        "synthetic",
        "Three classes on a plane",
        "Two inputs, three classes whose true probabilities are known everywhere, with curved borders: 150 labelled "
        "points for the student, or any other number.",
        prior__concentration="6",
        prior__temperature="1",
        student__weight_scale="1.2",
        # Experts that know the truth make the posterior stiff in places: at the step that its tuning finds, BAOAB was
        # seen to leave it on every other seed.
        sampler__algorithm="mclmc",
    ),
    swirl=0.9,
)
LINEAR = PlaneTask(
    _info(
        "synthetic-linear",
        "Three classes, straight borders",
        "The same plane with straight borders, which a linear student can learn exactly: the case in which credible "
        "intervals can be held against the truth.",
        prior__concentration="6",
        prior__temperature="1",
        student__kind="linear",
        student__weight_scale="1.5",
    ),
    swirl=0.0,
)
