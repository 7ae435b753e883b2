"""Handwritten digits: scikit-learn's 1,797 real images of 8 x 8, and teachers that each know some of them well.

200 labelled images for the student, 600 for testing, the rest for the teachers. Source of the data: Alpaydin and
Kaynak, "Optical Recognition of Handwritten Digits", UCI Machine Learning Repository, 1998 (as shipped with
scikit-learn).
"""

from __future__ import annotations

from functools import partial

import numpy as np
import torch
from torch import Tensor

from mtbkd_core.common.files import content_hash
from mtbkd_core.common.once import once
from mtbkd_core.common.progress import OnProgress, ShouldStop
from mtbkd_core.config.models import DataConfig
from mtbkd_core.tasks.base import Task, Teacher
from mtbkd_core.tasks.source import TaskInfo, check_split
from mtbkd_core.teachers.base import TeacherInfo
from mtbkd_core.teachers.specialists import Recipe, cache_path, recipe_hash, trained
from mtbkd_core.teachers.training import progress_of

N_STUDENT, N_TEST, N_VALIDATION = 200, 600, 200
SHAPE = (8, 8)
_ALL = tuple(range(10))

_TEACHERS: dict[str, tuple[str, str, Recipe]] = {
    "digits-0-4": ("Digits 0 to 4", "Knows 0 to 4 well; of the others it saw 6 %.", Recipe((0, 1, 2, 3, 4))),
    "digits-5-9": ("Digits 5 to 9", "Knows 5 to 9 well; of the others it saw 6 %.", Recipe((5, 6, 7, 8, 9))),
    "even-digits": ("Even digits", "Knows 0, 2, 4, 6 and 8 well; of the others it saw 6 %.", Recipe((0, 2, 4, 6, 8))),
    "generalist": ("Generalist", "Saw every class.", Recipe(_ALL)),
    "noisy-labels": (
        "Noisy labels",
        "Saw every class, with 40 % of the labels drawn at random.",
        Recipe(_ALL, label_noise=0.4),
    ),
    "confidently-wrong": (
        "Confidently wrong",
        "Learned every digit as the next one.",
        Recipe(_ALL, label_shift=1),
    ),
}

INFO = TaskInfo(
    name="digits",
    title="Handwritten digits",
    short="Digits",
    description="1,797 scanned digits of 8 x 8 pixels: 600 for testing, 997 for the teachers. The student starts with "
    "200 labelled ones.",
    n_classes=10,
    teachers=tuple(TeacherInfo(name, title, line) for name, (title, line, _) in _TEACHERS.items()),
    default_teachers=("digits-0-4", "digits-5-9", "even-digits"),
    item="image",
    n_labelled=N_STUDENT,
    most_labelled=N_STUDENT,
    image_shape=SHAPE,
    source="Alpaydin and Kaynak, Optical Recognition of Handwritten Digits, UCI Machine Learning Repository, 1998",
    licence="cc-by-4.0",
    # a softer mixture that counts as much, and mixes better: benchmarks/log/defaults.md
    defaults={
        "prior.strength": "3",
        "prior.concentration": "6",
        "sampler.algorithm": "mclmc",
        "sampler.preconditioner": "curvature",
        "sampler.friction": "0.1",
        "sampler.burn_in": "200",
        "sampler.thinning": "16",
    },
)


def missing() -> str | None:
    """None: the images come with scikit-learn."""
    return None


@once
def _images() -> tuple[Tensor, Tensor, str]:
    """All images [1797, 64] from 0 to 1, labels [1797], and a digest of both."""
    from sklearn.datasets import load_digits

    data = load_digits()
    pixels = np.ascontiguousarray(data.data, dtype=np.float32) / 16
    labels = np.ascontiguousarray(data.target, dtype=np.int64)
    return torch.from_numpy(pixels), torch.from_numpy(labels), content_hash(pixels.tobytes(), labels.tobytes())


def measured_images() -> Tensor:
    """[600, 64] from 0 to 1, the test images of split 0: inputs of none of the classes for another task."""
    return _images()[0][split_indices(0, "test")[1]]


def split_indices(split_seed: int, split: str, n_labelled: int | None = None) -> tuple[Tensor, Tensor, Tensor]:
    """Indices of the student's, the measured and the teachers' images, each stratified by class.

    The student's are shuffled; with `n_labelled` it gets the first of them, and the teachers none of the rest. With
    split "validation", 200 of the teachers' images are measured on; the 600 test images are then not used at all.
    """
    from sklearn.model_selection import train_test_split

    check_split(split)
    labels = _images()[1].numpy()
    rest, test = train_test_split(np.arange(len(labels)), test_size=N_TEST, stratify=labels, random_state=split_seed)
    pool, student = train_test_split(rest, test_size=N_STUDENT, stratify=labels[rest], random_state=split_seed)
    if split == "validation":
        pool, test = train_test_split(pool, test_size=N_VALIDATION, stratify=labels[pool], random_state=split_seed)
    student = student[: INFO.check_labelled(n_labelled)]
    return torch.from_numpy(student), torch.from_numpy(test), torch.from_numpy(pool)


def _hash_of_pool(pool: Tensor) -> str:
    return content_hash(_images()[2], pool.numpy().tobytes())


def _hash_of_data(student: Tensor, test: Tensor) -> str:
    return content_hash(_images()[2], student.numpy().tobytes(), test.numpy().tobytes())


def fingerprint(data: DataConfig, split: str) -> str:
    """What `Task.fingerprint_of` these teachers would be; trains nothing. Errors as `load`."""
    student, test, pool = split_indices(data.split_seed, split, data.n_labelled)
    pool_hash = _hash_of_pool(pool)
    chosen = INFO.choose_teachers(data.teachers)
    recipes = [recipe_hash(_TEACHERS[teacher.name][2], pool_hash, data.split_seed) for teacher in chosen]
    return content_hash(_hash_of_data(student, test), *recipes)


def _itself(network: torch.nn.Module) -> torch.nn.Module:
    return network


def load(data: DataConfig, split: str, on_progress: OnProgress | None, should_stop: ShouldStop | None) -> Task:
    """The images and the teachers, training those that the cache does not hold (about a second each).

    Arguments and errors as `catalog.registry.load_task`.
    """
    chosen = INFO.choose_teachers(data.teachers)
    x, labels, _ = _images()
    student, test, pool = split_indices(data.split_seed, split, data.n_labelled)
    pool_hash = _hash_of_pool(pool)
    digests = {teacher.name: recipe_hash(_TEACHERS[teacher.name][2], pool_hash, data.split_seed) for teacher in chosen}
    missing = [name for name, digest in digests.items() if not cache_path("digits", name, digest).exists()]
    loaded = {}
    for teacher in chosen:
        name = teacher.name
        # a cached file that cannot be read is trained anew, too
        place = missing.index(name) if name in missing else 0
        network = trained(
            "digits",
            name,
            _TEACHERS[name][2],
            x[pool],
            labels[pool],
            INFO.n_classes,
            data_hash=pool_hash,
            seed=data.split_seed,
            on_epoch=progress_of(on_progress, teacher.title, place, max(1, len(missing))),
            should_stop=should_stop,
        )
        # not inference mode: a caller that trains on these logits may let autograd save them
        with torch.inference_mode(False), torch.no_grad():
            loaded[name] = Teacher(
                **vars(teacher),
                logits_train=network(x[student]),
                logits_test=network(x[test]),
                fingerprint=digests[name],
                network=partial(_itself, network),
            )
    return Task(
        name=INFO.name,
        title=INFO.title,
        description=INFO.description,
        x_train=x[student],
        y_train=labels[student],
        x_test=x[test],
        y_test=labels[test],
        class_names=tuple(str(digit) for digit in _ALL),
        teachers=loaded,
        fingerprint=_hash_of_data(student, test),
        image_shape=SHAPE,
    )
