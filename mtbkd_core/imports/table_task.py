"""Imported tables as tasks: what the registry lists beside the built-in ones."""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from mtbkd_core.common.files import content_hash, home_path
from mtbkd_core.common.progress import OnProgress, ShouldStop, UserError
from mtbkd_core.config.models import DataConfig
from mtbkd_core.imports import store
from mtbkd_core.imports.data import HELD_OUT, MOST_TRAIN, TableData, fingerprint_of_split, fingerprint_of_teacher
from mtbkd_core.proteins import descriptors
from mtbkd_core.tasks.base import Task
from mtbkd_core.tasks.source import TaskInfo, check_split
from mtbkd_core.teachers.base import TeacherInfo

_log = logging.getLogger(__name__)

#: Multiplications of a step of all chains, forwards, that a run of a table's defaults may take: some 45 seconds in all.
_MOST_WORK = 5 * 10**8
#: Features from which on a student is wide, and then so many units; with fewer than a few, curvature gains nothing.
_MANY, _WIDE, _FEW = 50, 128, 10
#: Said with every score where nobody has said that the teachers were trained on other rows.
SEEN = (
    "The import was not told that no teacher was trained on these rows. On rows that it was trained on a teacher is "
    "right more often and surer than on new ones: its scores here may be too good, and the student may trust it too "
    "much."
)


@dataclass(frozen=True)
class TableTask:
    """A task of imported files, as the registry takes it.

    Attributes:
        data_fingerprint: of the table with its teachers' outputs.
    """

    INFO: TaskInfo
    folder: Path
    data_fingerprint: str

    def missing(self) -> str | None:
        """One line where the folder has lost its table."""
        if (self.folder / store.TENSORS).exists():
            return None
        return f"task {self.INFO.name}: {self.folder} has no {store.TENSORS}; forget the task and import it again"

    def load(
        self, data: DataConfig, split: str, on_progress: OnProgress | None, should_stop: ShouldStop | None
    ) -> Task:
        """The task; nothing is trained, so there is no progress. Errors as `catalog.registry.load_task`."""
        names, count = self._check(data, split)
        stamp = (self.folder / store.MANIFEST).stat().st_mtime_ns
        return _read_data(self.folder, stamp).split(names, data.split_seed, split, count)

    def fingerprint(self, data: DataConfig, split: str) -> str:
        """What `Task.fingerprint_of` these teachers would be; reads no data. Errors as `load`."""
        names, count = self._check(data, split)
        own = [fingerprint_of_teacher(self.data_fingerprint, name) for name in names]
        return content_hash(fingerprint_of_split(self.data_fingerprint, data.split_seed, split, count), *own)

    def _check(self, data: DataConfig, split: str) -> tuple[list[str], int]:
        check_split(split)
        names = [teacher.name for teacher in self.INFO.choose_teachers(data.teachers)]
        return names, self.INFO.check_labelled(data.n_labelled)


def found() -> dict[str, TableTask]:
    """The imported tables by name; a folder that cannot be read is left out, which the log says once."""
    try:
        folders = sorted(folder for folder in (home_path() / "tasks").iterdir() if not folder.name.startswith("."))
    except OSError:
        return {}  # nothing was imported yet
    tasks = {folder.name: _read_task(folder, _written(folder)) for folder in folders}
    return {name: task for name, task in tasks.items() if task is not None}


def _written(folder: Path) -> int:
    try:
        return (folder / store.MANIFEST).stat().st_mtime_ns
    except OSError:
        return 0


@lru_cache(maxsize=256)
def _read_task(folder: Path, stamp: int) -> TableTask | None:
    """The task of a folder with a manifest that was written at `stamp`: a new one is read anew."""
    try:
        manifest = store.read_manifest(folder)
    except UserError as error:
        _log.warning("a task is left out: %s", error)
        return None
    return TableTask(info_of(manifest), folder, manifest.fingerprint)


@lru_cache(maxsize=2)
def _read_data(folder: Path, stamp: int) -> TableData:
    return store.read(folder)


def info_of(manifest: store.Manifest) -> TaskInfo:
    """What is known of a task before it is loaded."""
    for_student = manifest.n_rows if manifest.n_test else manifest.n_rows - math.ceil(HELD_OUT * manifest.n_rows)
    count = min(for_student, MOST_TRAIN)
    features = manifest.n_features or (len(descriptors.names()) if manifest.described else 0)
    return TaskInfo(
        name=manifest.name,
        title=manifest.title,
        description=manifest.description,
        n_classes=len(manifest.class_names),
        teachers=tuple(TeacherInfo(name, name, line) for name, line in manifest.teachers.items()),
        default_teachers=tuple(manifest.teachers),
        item=manifest.item,
        n_labelled=count,
        most_labelled=count,
        defaults=defaults(len(manifest.class_names), count, features, manifest.described)
        | _calibration(manifest)
        | ({"n_unlabelled": str(manifest.n_unlabelled)} if manifest.n_unlabelled else {}),
        presets={"thorough": {"student.hidden": str(_WIDE), "sampler.chains": "8", "sampler.draws": "200"}},
        n_unlabelled=manifest.n_unlabelled,
        stamp=manifest.fingerprint,
        remark="" if manifest.temperatures else SEEN,
    )


def _calibration(manifest: store.Manifest) -> dict[str, str]:
    if not manifest.temperatures:
        return {}
    numbers = ",".join(f"{manifest.temperatures[name]:g}" for name in manifest.teachers)
    return {"prior.entropy_temperatures": numbers, "prior.calibrated_teachers": "True"}


def defaults(n_classes: int, n_labelled: int, n_features: int, described: bool) -> dict[str, str]:
    """Settings that a task of a table starts with, by name; trials are in benchmarks/log/defaults.md.

    A soft mixture that counts as much as a sharp one mixes and scores better, and so does a wide student. It is as wide
    as some 45 seconds on two cores allow. With many inputs, most of them of little use, small weights are better.

    Args:
        n_labelled: rows that the student learns from.
        n_features: 0 where it is not known.
        described: whether the features are the descriptors of sequences.
    """

    def work(width: int, chains: int) -> int:
        return chains * n_labelled * width * (n_features + n_classes)

    many = n_features >= _MANY or described
    widest = _WIDE if many else _WIDE // 2
    width = next((each for each in (128, 64, 32) if each <= widest and work(each, 8) <= _MOST_WORK), 32)
    settings = {
        "prior.strength": "4",
        "prior.concentration": "6",
        "prior.temperature": "1.5",
        "student.hidden": str(width),
        "sampler.algorithm": "mclmc",
        "sampler.preconditioner": "none" if 0 < n_features < _FEW else "curvature",
        "sampler.friction": "0.2" if 0 < n_features < _FEW else "0.1",
        "sampler.chains": "8" if work(width, 8) <= _MOST_WORK else "4",
        "sampler.draws": "80",
        "sampler.burn_in": "150",
        "sampler.thinning": "10" if work(width, 8) > _MOST_WORK / 10 else "30",
    }
    if many:
        settings["student.weight_scale"] = "0.14" if described else f"{2 / math.sqrt(n_features):.2g}"
    return settings
