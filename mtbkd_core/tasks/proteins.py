"""Where a protein lives: 18,964 different proteins of UniProt, nine single locations, and teachers that read residues.

The student sees descriptors of the sequence and 2,500 labels; the teachers were trained once on 9,239 other proteins,
and their logits are shipped. Proteins of several locations are a shift: no model is trained on them.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from mtbkd_core.common.files import content_hash
from mtbkd_core.common.once import once
from mtbkd_core.common.progress import OnProgress, ShouldStop, UserError
from mtbkd_core.config.models import DataConfig
from mtbkd_core.proteins import scldata
from mtbkd_core.proteins.descriptors import DESCRIPTORS_VERSION, reach
from mtbkd_core.proteins.division import N_POOL, Division, divide, draw, label_of
from mtbkd_core.proteins.features import cached_descriptors
from mtbkd_core.proteins.scldata import LOCATIONS, Protein
from mtbkd_core.tasks.base import Proteins, Task, Teacher
from mtbkd_core.tasks.inputs import Standardisation
from mtbkd_core.tasks.source import ShiftInfo, TaskInfo, check_split
from mtbkd_core.teachers import protein_teachers, shipped
from mtbkd_core.teachers.base import Cost, TeacherInfo
from mtbkd_core.teachers.training import progress_of

SEVERAL = "several-locations"

INFO = TaskInfo(
    name="proteins",
    title="Where a protein lives",
    short="Proteins",
    description="Where in the cell a protein of UniProt is found, from its sequence: nine single locations (not "
    "DeepLoc's ten classes); 2,161 proteins for testing, 9,239 for the teachers. The student starts with 2,500 "
    "labelled ones and 1,000 unlabelled ones. Data: SCL2205, the package p-scldata.",
    n_classes=len(LOCATIONS),
    teachers=protein_teachers.INFOS,
    default_teachers=tuple(teacher.name for teacher in protein_teachers.INFOS),
    item="protein",
    n_labelled=2500,
    most_labelled=N_POOL,
    spare=True,
    source="SCL2205 by D. Ouso, from UniProtKB 2022_05, as the package p-scldata 2025.6.0 has it",
    licence="cc-by-4.0",
    # chosen on the validation proteins, see benchmarks/log/proteins.md, so that a run takes about a minute
    defaults={
        "n_unlabelled": str(N_POOL - 2500),
        "prior.strength": "9",
        "prior.concentration": "6",
        "prior.temperature": "1.5",
        "prior.base_weights": "0.25,0.1,1",
        "prior.entropy_temperatures": "1.12,1.07,1.07",  # fitted on the labels
        "prior.calibrated_teachers": "True",
        "student.hidden": "64",
        "student.weight_scale": "0.14",
        "sampler.algorithm": "mclmc",
        "sampler.preconditioner": "curvature",
        "sampler.friction": "0.1",
        "sampler.chains": "8",
        "sampler.draws": "60",
        "sampler.thinning": "16",
        "sampler.burn_in": "400",
    },
    presets={"thorough": {"sampler.draws": "200"}},
    shifts=(
        ShiftInfo(
            SEVERAL,
            "Proteins of several locations",
            "Found in more than one place, such as cytoplasm and nucleus; neither student nor teachers were trained on "
            "any.",
        ),
    ),
)


@dataclass(frozen=True)
class _Origin(shipped.Origin):
    """With the teachers' costs: name -> `Cost` as a dict."""

    teachers: dict[str, dict[str, float]] = field(default_factory=dict)


def missing() -> str | None:
    """How to install the package that has the proteins, where it is not there; or that the teachers' file is not."""
    return scldata.missing() or shipped.absent(INFO.name)


def load(data: DataConfig, split: str, on_progress: OnProgress | None, should_stop: ShouldStop | None) -> Task:
    """The proteins and the teachers' logits; descriptors are computed once, in some ten seconds.

    The split seed draws the student's proteins from the pool; the teachers do not depend on it. Arguments and errors
    as `catalog.registry.load_task`.
    """
    chosen = INFO.choose_teachers(data.teachers)
    division = _division()
    labelled = INFO.check_labelled(data.n_labelled)
    drawn, tests, several = draw(division, N_POOL, data.split_seed, check_split(split))
    student, spare = drawn[:labelled], drawn[labelled:]
    everything = (*division.asked, *(each for group in division.several.values() for each in group))
    row_of = {each.row: place for place, each in enumerate(everything)}
    features = cached_descriptors([each.sequence for each in everything], on_progress, should_stop)
    standardisation = Standardisation.of(features[: len(division.pool)], reach())
    features = standardisation.apply(features)

    def inputs(group: Sequence[Protein]) -> Tensor:
        return features[[row_of[each.row] for each in group]]

    groups = {"train": student, "test": tests, SEVERAL: several}
    return Task(
        name=INFO.name,
        title=INFO.title,
        description=INFO.description,
        x_train=inputs(student),
        y_train=_labels(student),
        x_test=inputs(tests),
        y_test=_labels(tests),
        class_names=LOCATIONS,
        teachers=_teachers(chosen, student, tests, spare),
        fingerprint=_hash_of_data(data, split),
        shifts={SEVERAL: inputs(several)},
        proteins=Proteins(
            {name: tuple(each.accession for each in group) for name, group in groups.items()},
            {name: tuple(each.sequence for each in group) for name, group in groups.items()},
        ),
        x_unlabelled=inputs(spare),
        shift_labels={SEVERAL: tuple(tuple(each.location.split(";")) for each in several)},
        standardisation=standardisation,
    )


def fingerprint(data: DataConfig, split: str) -> str:
    """What `Task.fingerprint_of` these teachers would be; trains nothing. Errors as `load`."""
    parts = [_hash_of_teacher(teacher.name) for teacher in INFO.choose_teachers(data.teachers)]
    return content_hash(_hash_of_data(data, split), *parts)


def origin() -> shipped.Origin:
    """Where the proteins come from; with each teacher's cost, once `rebuild` has trained it."""
    digest = scldata.digest()
    return _Origin(
        source=INFO.source,
        licence="MIT; UniProt: CC BY 4.0",
        index="row of the package's scl2205.csv, from 0: single locations of the student's pool, of eval and of test",
        teachers={
            teacher.name: protein_teachers.cost_as_dict(protein_teachers.kept_cost(teacher.name, digest))
            for teacher in INFO.teachers
        },
    )


def rebuild(on_progress: OnProgress | None = None, should_stop: ShouldStop | None = None) -> dict[str, Tensor]:
    """Train every teacher anew, about ten minutes on one core; see `shipped.Rebuilds`."""
    division, logits = _division(), {}
    for place, teacher in enumerate(INFO.teachers):
        report = progress_of(on_progress, teacher.title, place, len(INFO.teachers), "step")
        found = protein_teachers.outcome(
            teacher.name, division, scldata.digest(), on_epoch=report, should_stop=should_stop
        )
        logits[teacher.name] = found.logits
    rows = torch.tensor([each.row for each in division.asked], dtype=torch.int32)
    return {shipped.INDEX: rows} | logits


@once
def _division() -> Division:
    return divide(scldata.proteins())


def _labels(group: Sequence[Protein]) -> Tensor:
    return torch.tensor([label_of(each) for each in group])


def _teachers(
    chosen: Sequence[TeacherInfo], student: Sequence[Protein], tests: Sequence[Protein], spare: Sequence[Protein]
) -> dict[str, Teacher]:
    logits = shipped.read(INFO.name)
    costs = shipped.about(INFO.name).get("teachers", {})
    place_of = {row: place for place, row in enumerate(logits[shipped.INDEX].tolist())}
    try:
        train, test, unlabelled = ([place_of[each.row] for each in group] for group in (student, tests, spare))
    except KeyError as error:
        raise UserError(f"{shipped.path_of(INFO.name)}: lacks row {error} of {scldata.REQUIREMENT}") from None
    return {
        teacher.name: Teacher(
            **vars(teacher),
            logits_train=logits[teacher.name][train],
            logits_test=logits[teacher.name][test],
            logits_unlabelled=logits[teacher.name][unlabelled],
            fingerprint=_hash_of_teacher(teacher.name),
            cost=Cost(**costs[teacher.name]) if teacher.name in costs else None,
        )
        for teacher in chosen
    }


def _hash_of_data(data: DataConfig, split: str) -> str:
    count = INFO.check_labelled(data.n_labelled)
    what = [DESCRIPTORS_VERSION, reach().tolist(), data.split_seed, check_split(split), count]
    return content_hash("proteins", scldata.digest(), json.dumps(what))


def _hash_of_teacher(name: str) -> str:
    return content_hash(name, shipped.digest(INFO.name))
