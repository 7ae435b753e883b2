"""The command line imports a table, says what it made of it, and forgets it; what is wrong is one line and status 2."""

import json
from pathlib import Path

import pytest

from mtbkd_core.catalog.registry import task_infos
from mtbkd_core.cli.main import main
from tests.imports.files import logits, write_csv, write_files
from tests.imports.hub.made import data_folder, text_model


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as ended:
        main(words)
    printed = capsys.readouterr()
    return int(ended.value.code or 0), printed.out, printed.err


@pytest.fixture
def words(tmp_path: Path) -> list[str]:
    files = write_files(tmp_path)
    return [
        *("import", "--name", "mine", "--table", str(files.table), "--label", "Label", "--sequence", "Sequence"),
        *("--class-columns", "Cytoplasm:Golgi"),
        *(f"--teacher={name}={path}" for name, path in files.teachers.items()),
    ]


def names() -> list[str]:
    return [info.name for info in task_infos()]


def test_a_table_is_imported_and_forgotten(capsys: pytest.CaptureFixture[str], words: list[str]) -> None:
    code, out, err = run(capsys, *words, "--json")
    assert code == 0
    answer = json.loads(out.splitlines()[-1])
    assert (answer["rows"], answer["classes"]) == (36, ["Cytoplasm", "Nucleus", "Golgi"])
    assert "fair.csv: read as probabilities" in err
    assert "mine" in names()
    assert run(capsys, "forget", "mine")[0] == 0
    assert "mine" not in names()


def test_a_check_writes_nothing(capsys: pytest.CaptureFixture[str], words: list[str]) -> None:
    code, out, _ = run(capsys, *words, "--check")
    assert (code, "nothing wrong was found" in out) == (0, True)
    assert "mine" not in names()


def test_a_check_with_a_warning_says_so_and_not_that_nothing_is_wrong(
    capsys: pytest.CaptureFixture[str], words: list[str], tmp_path: Path
) -> None:
    unlike = write_csv(tmp_path / "unlike.csv", None, (-logits()).tolist())
    for more in (["--check"], []):
        code, out, err = run(capsys, *words, "--teacher", f"unlike={unlike}", *more)
        assert code == 0
        assert "warning: unlike.csv: names" in err
        assert "1 remark above" in out
        assert "nothing wrong" not in out


def test_features_are_columns_or_a_file(capsys: pytest.CaptureFixture[str], words: list[str], tmp_path: Path) -> None:
    write_csv(tmp_path / "e.csv", None, logits().tolist())
    for features, count in (("columns:Cytoplasm:Golgi", 3), ("columns:Golgi", 1), (str(tmp_path / "e.csv"), 3)):
        code, out, _ = run(capsys, *words, "--check", "--json", "--features", features)
        assert (code, json.loads(out)["features"]) == (0, count)


@pytest.mark.parametrize(
    ("more", "problem"),
    [
        (["--features", "nothing"], "--features: got 'nothing', allowed: descriptors,"),
        (["--features", "sub/e.csv"], "--features: there is no file sub/e.csv, allowed: descriptors,"),
        (["--features", ",".join(f"f{number}" for number in range(2000))], "--features: got 'f0,f1,f2,"),
        (["--features", "sub/" + "x" * 5000], "--features: there is no file sub/xxx"),
        (["--features", "."], "--features: . is a folder, allowed: descriptors,"),
        (["--features", ""], "--features: got '', allowed: descriptors,"),
        (["--features", "columns:Golgi:Nucleus"], "--features: 'Nucleus' does not come after 'Golgi' in train.csv"),
        (["--features", "columns:Golgi:nothing"], "--features: train.csv has no column 'nothing'"),
        (["--table", "sub/no.csv"], "sub/no.csv: cannot be read (No such file or directory)"),
        (["--teacher", "other=sub/no.npz"], "sub/no.npz: cannot be read (No such file or directory)"),
        (["--teacher", "good"], "--teacher: got 'good', needs name=file"),
        (["--teacher", "good=x.csv"], "--teacher: 'good' is named twice"),
        (["--classes", "a,b,c"], "--classes, --class-columns: one of the two"),
        (["--class-columns", "Golgi"], "--class-columns: got 'Golgi', needs first:last"),
        (["--test-teacher", "good=x.csv"], "--test-teacher, --test-features: need --test"),
    ],
)
def test_what_is_wrong_is_one_line(
    capsys: pytest.CaptureFixture[str], words: list[str], more: list[str], problem: str
) -> None:
    code, _, err = run(capsys, *words, *more)
    assert code == 2
    assert err.splitlines()[-1].startswith(f"error: {problem}")
    assert "mine" not in names()


def test_names_of_classes_that_will_not_do_are_refused_by_their_option(
    capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    place = words.index("--class-columns")
    words[place : place + 2] = ["--classes", "a,b,a"]
    code, _, err = run(capsys, *words)
    assert (code, err.splitlines()[-1]) == (2, "error: --classes: 'a' is named twice, expected each class once")


def test_a_data_set_and_a_model_are_imported(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    for library in ("datasets", "transformers"):
        pytest.importorskip(library)
    words = [
        *("import-hub", "--name", "reviews", "--data", data_folder(tmp_path), "--inputs", "text", "--label", "label"),
        *("--teacher", f"kind={text_model(tmp_path / 'kind')}", "--encoder", text_model(tmp_path / "encoder", ())),
    ]
    code, out, err = run(capsys, *words, "--test", "test", "--json")
    assert code == 0
    answer = json.loads(out.splitlines()[-1])
    assert (answer["rows"], answer["features"], answer["classes"]) == (48, 8, ["Negative", "Positive"])
    assert "teacher kind: " in err
    assert "reviews" in names()
    code, out, err = run(capsys, *words[:2], "others", *words[3:], "--split", "dev")
    assert (code, out) == (2, "")
    assert err.splitlines()[-1].startswith("error: split: ")
