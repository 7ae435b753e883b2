"""Small inputs that people bring: each does what its note says. They lie beside the project; without them, skipped."""

import os
import re
import shlex
import subprocess
from pathlib import Path

import pytest

from mtbkd_core.cli.main import main

INPUTS = Path(__file__).resolve().parents[3] / "shared" / "inputs"
pytestmark = pytest.mark.skipif(not (INPUTS / "README.md").exists(), reason="the inputs are not on this machine")

#: Folder -> what each of its imports says, in order: it succeeds where this does not begin with "error".
TAKEN = ""
EXPECTED: dict[str, list[str]] = {
    "certain-teachers": [TAKEN],
    "ece-ties-at-bin-edges": [TAKEN],
    "emnist-letters-from-1": ["Its labels count from 1"] * 2,
    "european-csv": [TAKEN, "decimal", "Windows-1252", "UTF-16", "line 1 says that ';' parts the cells", "decimal"],
    "fasta-identifiers": ["joined"] * 7,
    "first-class-absent": ["no row has the label 0"],
    "foreign-formats": [
        TAKEN,
        "array 'logits'",
        "error: obj.npz: holds Python objects",
        "error: logits.pt: is a PyTorch pickle, which is never opened.*safetensors",
        TAKEN,
        TAKEN,
        "error: train.xlsx: cannot be read as Excel",  # it holds no sheet
        "error: train.fasta: has no column 'label'; it has 'id', 'description', 'sequence'",
        "error: embeddings.h5: cannot be read as HDF5",  # it ends after its signature
        TAKEN,
        "error: logits.pt: is a PyTorch pickle",
    ],
    "image-formats": [TAKEN, "error: .*has 3 training images of class a, needs 20", "Colours were turned to grey"],
    "imagenet-1000-classes": [TAKEN],
    "list-columns": ["lists of 8"] * 3,
    "markup-in-class-names": [TAKEN],
    "missing-labels-NA": ["error: na2.csv: .*2 rows without a label.*--unlabelled"] * 2
    + ["error: na10.csv: .*10 rows without a label.*--unlabelled"] * 2
    + ["error: nan_feature.csv: line 6, column 'f1': got 'NA', expected a number"],
    "mnist-file-inside-folder-of-its-name": [TAKEN] * 2,
    "multilabel-sigmoid-teacher": ["error: .*--normalise"],
    "partial-teachers": [TAKEN, *["knows 2 of 4 classes: 'a', 'b'"] * 6, "abstains in 1 of 120 rows"],
    "shared-id-column-not-held-against": ["joined"] * 7,
}


def commands(folder: str, tmp_path: Path) -> list[list[str]]:
    """The words of every import in a folder's script, which is run with a command that writes them down."""
    recorder = tmp_path / "recorder"
    recorder.write_text(
        '#!/bin/sh\nfor word in "$@"; do printf "%s\\0" "$word" >> "$RECORD"; done\necho >> "$RECORD"\n'
    )
    recorder.chmod(0o755)
    record = tmp_path / "record"
    environment = {**os.environ, "PY": shlex.quote(str(recorder)), "RECORD": str(record)}
    subprocess.run(["bash", str(INPUTS / folder / "run.sh")], env=environment, check=True, capture_output=True)
    lines = [line.split("\0")[:-1] for line in record.read_text().splitlines()]
    return [words[2:] for words in lines if words[2].startswith("import")]


def folders() -> list[str]:
    notes = (INPUTS / "README.md").read_text().splitlines() if (INPUTS / "README.md").exists() else []
    return [
        line.split("|")[1].strip()
        for line in notes
        if line.startswith("| ") and (INPUTS / line.split("|")[1].strip()).is_dir()
    ]


@pytest.mark.parametrize("folder", folders())
def test_an_input_does_what_its_note_says(
    folder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(INPUTS / folder)
    asked = commands(folder, tmp_path)
    assert len(asked) == len(EXPECTED[folder])
    for number, (words, expected) in enumerate(zip(asked, EXPECTED[folder], strict=True)):
        words[words.index("--name") + 1] = f"task-{number}"
        with pytest.raises(SystemExit) as ended:
            main(words)
        said = capsys.readouterr()
        everything = " ".join((said.err + said.out).split())
        assert ended.value.code in (None, 2 if expected.startswith("error") else 0), everything
        assert re.search(expected, everything), everything
        assert "Traceback" not in everything
