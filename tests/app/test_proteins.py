"""Proteins: named by accession, shown as sequences, with the paper's figures and the costs of every network."""

import re
from pathlib import Path

import pytest

from mtbkd_core import build_config, default_config, load_task
from mtbkd_core.runs.kinds.run import RunView
from mtbkd_core.tasks.proteins import SEVERAL
from tests.app.conftest import SMALL, Done, Opened, lines, press, traces
from tests.conftest import load_once

TASK = "proteins"
FEW = {"n_train": "60", "student.hidden": "4"}


@pytest.fixture(scope="module")
def described(session_home: Path) -> Path:
    """The session's home folder, where the descriptors are worked out."""
    load_once(session_home, TASK)
    return session_home


@pytest.fixture
def protein_run(described: Path, home: Path, done: Done) -> RunView:
    """A small run on the proteins that is done."""
    (home / "features").symlink_to(described / "features")
    return done(build_config([*FEW.items(), *SMALL.items()], base=default_config(TASK)))


def test_one_protein_is_named_and_its_sequence_shown_with_its_windows(opened: Opened, protein_run: RunView) -> None:
    app = opened("uncertainty", task=TASK, run=protein_run.id, example="3", **FEW)
    task = load_task(TASK, n_labelled=60)
    assert task.proteins is not None
    accession, sequence = (part["test"][3] for part in (task.proteins.accessions, task.proteins.sequences))
    assert any(line.startswith(f"**{accession}** · {len(sequence):,} residues") for line in lines(app, "markdown"))
    (drawn,) = [part.proto.body for part in app.get("html") if 'class="sequence"' in part.proto.body]
    assert "".join(re.findall(r">([A-Z]+)</span>", drawn)) == sequence
    assert "from residue 1: first 15 residues" in drawn
    assert any(button.label.startswith(tuple(task.proteins.accessions["test"])) for button in app.button)


def test_the_papers_first_figure_has_both_groups_and_their_auroc(opened: Opened, protein_run: RunView) -> None:
    app = opened("uncertainty", task=TASK, run=protein_run.id, **FEW)
    drawn = traces(app, "Epistemic uncertainty of test proteins and of out-of-distribution inputs")
    assert {name for _, name in drawn if name} == {"Test proteins (2161)", "Proteins of several locations (449)"}
    assert any(line.startswith("Proteins of several locations: AUROC 0.") for line in lines(app, "caption"))


def test_a_protein_of_several_locations_is_shown_with_its_labels_and_the_prediction(
    opened: Opened, protein_run: RunView
) -> None:
    app = opened("shifts", task=TASK, run=protein_run.id, foreign="7", **FEW)
    assert not app.exception
    task = load_task(TASK, n_labelled=60)
    assert task.proteins is not None
    accession, sequence = (part[SEVERAL][7] for part in (task.proteins.accessions, task.proteins.sequences))
    known = ", ".join(task.shift_labels[SEVERAL][7])
    assert "Cytoplasm, " in known
    (shown,) = [line for line in lines(app, "markdown") if line.startswith(f"**{accession}**")]
    assert f"Label: **{known}** · predicted **" in shown
    (drawn,) = [part.proto.body for part in app.get("html") if 'class="sequence"' in part.proto.body]
    assert "".join(re.findall(r">([A-Z]+)</span>", drawn)) == sequence


def test_the_costs_of_student_and_teachers_stand_beside_their_scores(opened: Opened, protein_run: RunView) -> None:
    app = press(opened("review", task=TASK, run=protein_run.id, **FEW), "Judge the run")
    app = press(app, "Measure size and time")
    (table,) = [frame.value for frame in app.dataframe if "Parameters" in frame.value.columns]
    assert list(table.iloc[:, 0])[3:] == ["Whole sequence", "Both ends", "Descriptors"]
    # 217 descriptors to 4 hidden units to 9 classes
    assert table["Parameters"].iloc[0] == f"{218 * 4 + 5 * 9:,}"
    assert "not known" not in table["1,000 inputs"].tolist()
    assert list(table.columns)[-2:] == ["Accuracy", "NLL"]
