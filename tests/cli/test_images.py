"""The command `import-images`: teachers that are trained or given, pixels or embeddings; what is wrong is one line."""

from functools import partial
from pathlib import Path

import numpy as np
import pytest

from mtbkd_core.catalog import registry
from mtbkd_core.catalog.adding_images import import_images
from mtbkd_core.cli import images
from mtbkd_core.cli.main import main
from tests.app.conftest import SMALL
from tests.imports.files import SIZES, write_csv, write_images
from tests.imports.test_embedded import save_parts
from tests.imports.test_image_outputs import write_outputs


def status(*words: str) -> int | str | None:
    with pytest.raises(SystemExit) as raised:
        main(words)
    return raised.value.code


def test_images_are_imported_or_what_is_wrong_is_one_line(
    own_home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(images, "import_images", partial(import_images, sizes=SIZES, epochs=1))
    given = ("import-images", "--name", "marks", "--folder", str(write_images(tmp_path / "set")))
    assert status(*given, "--classes", "a,b") == 2
    assert "classes: got 2 names, needs 4" in capsys.readouterr().err
    assert status(*given, "--prefix", "kmnist") == 2
    assert "that begins with kmnist, has none" in capsys.readouterr().err
    assert status(*given, "--classes", "a, b, c, d", "--prefix", "emnist") == 0
    assert "Next: python -m mtbkd_core distill --task marks" in capsys.readouterr().out
    assert registry.own() == ("marks",)
    assert status("forget", "marks") == 0
    assert registry.own() == ()
    assert status(*given, "--classes", 'a, "b, or B", c, d') == 0
    assert registry.task_info("marks").teachers[0].title == "a, b, or B"


def test_images_come_with_teachers_outputs_of_ones_own(
    own_home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = write_images(tmp_path / "set")
    given = ("import-images", "--name", "marks", "--folder", str(folder))
    train, test = write_outputs(tmp_path, "mine")
    assert status(*given, "--trained") == 2
    assert "need --teacher name=file" in capsys.readouterr().err
    own = ("--teacher", f"mine={train}", "--test-teacher", f"mine={test}")
    assert status(*given, *own, "--labels-unseen") == 0
    said = capsys.readouterr()
    assert "their order could not be checked; it names" in said.err
    assert "Next: python -m mtbkd_core distill --task marks" in said.out
    assert status(*given, *own, "--replace", "--trained") == 0
    assert [teacher.name for teacher in registry.task_info("marks").teachers][::4] == ["mine", "generalist"]


def test_a_check_says_what_would_become_and_keeps_nothing(
    own_home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ("import-images", "--name", "marks", "--folder", str(write_images(tmp_path / "set")), "--check")
    assert status(*given) == 0
    assert "marks: Images of your own: 40 for testing" in capsys.readouterr().out
    assert registry.own() == ()
    assert not list((own_home / "image-sets").glob("*"))


def test_images_come_with_embeddings_in_place_of_pixels(
    own_home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ("import-images", "--name", "marks", "--folder", str(write_images(tmp_path / "set")))
    train, test = write_outputs(tmp_path, "mine")
    own = ("--teacher", f"mine={train}", "--test-teacher", f"mine={test}")
    emb = save_parts(tmp_path)
    seen = ("--embeddings", str(emb["embeddings"]), "--test-embeddings", str(emb["tests"]))
    assert status(*given, *seen) == 2
    assert "needs teachers with outputs of their own (--teacher name=file)" in capsys.readouterr().err
    assert status(*given, *own, *seen, "--trained") == 2
    assert "teachers that are trained on this machine (--trained) see pixels" in capsys.readouterr().err
    assert status(*given, *own, *seen, "--encoder", "any") == 2
    assert "expected a file, or an encoder that makes them, and not both" in capsys.readouterr().err
    assert status(*given, *own, *seen[2:]) == 2
    assert "need a file for the training images" in capsys.readouterr().err
    assert status(*given, *own, *seen, "--labels-unseen", "--check") == 0
    assert "nothing wrong was found; 120 images of 4 classes from set" in capsys.readouterr().out
    assert registry.own() == ()
    assert status(*given, *own, *seen, "--labels-unseen") == 0
    said = capsys.readouterr()
    assert "train.npy: no id is in it and in the training set, so its rows were taken as they come" in said.err
    assert "Next: python -m mtbkd_core distill --task marks" in said.out
    assert registry.task_info("marks").remark == ""


def test_a_run_on_embeddings_of_images_is_exported_reported_and_watched(
    own_home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    train, test = write_outputs(tmp_path, "mine")
    emb = save_parts(tmp_path)
    files = {"teacher": f"mine={train}", "test-teacher": f"mine={test}", "embeddings": str(emb["embeddings"])}
    files |= {"test-embeddings": str(emb["tests"]), "folder": str(write_images(tmp_path / "set")), "name": "marks"}
    assert status("import-images", *(word for name, file in files.items() for word in (f"--{name}", file))) == 0
    settings = [word for name, value in SMALL.items() for word in ("--set", f"{name}={value}")]
    run = str(tmp_path / "run")
    assert status("distill", "--task", "marks", *settings, "--out", run) == 0
    assert status("export", run, "--out", str(tmp_path / "exported"), "--draws", "4") == 0
    assert status("report", run, "--out", str(tmp_path / "report.html")) == 0
    rows = [[f"{place}.png", *row] for place, row in enumerate(np.load(emb["tests"]).tolist())]
    new = write_csv(tmp_path / "new.csv", ["file", *"abcdef"], rows)
    capsys.readouterr()
    assert status("watch", run, "--inputs", str(new)) == 0
    assert "40" in capsys.readouterr().out
