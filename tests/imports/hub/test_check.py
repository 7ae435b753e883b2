"""Data sets and models of the Hub, here saved to disk: no test asks the net."""

import json
import shutil
from base64 import b64decode
from collections.abc import Callable
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from mtbkd_core.common.progress import Cancelled, Progress, UserError
from mtbkd_core.imports import store
from mtbkd_core.imports.hub import source
from mtbkd_core.imports.hub.check import check_hub
from mtbkd_core.imports.hub.rows import look
from mtbkd_core.imports.hub.spec import HubSpec
from tests.imports.hub.made import CLASSES, ROWS, data, data_folder, picture_folder, picture_model, text_model, texts

pytest.importorskip("datasets")
pytest.importorskip("transformers")
pytestmark = pytest.mark.usefixtures("own_home")


@pytest.fixture(scope="module")
def spec(tmp_path_factory: pytest.TempPathFactory) -> HubSpec:
    """Texts of two classes, a teacher whose outputs stand in the other order, and an encoder."""
    folder = tmp_path_factory.mktemp("hub")
    teachers = {"tiny": text_model(folder / "tiny", ("POSITIVE", "negative"))}
    return HubSpec(data_folder(folder), "label", ("text",), teachers, text_model(folder / "encoder", ()))


def logits_of(folder: str, rows: list[str], order: list[int]) -> torch.Tensor:
    """Log probabilities of each text alone, without padding, of some of the outputs."""
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    tokenizer, model = (kind.from_pretrained(folder) for kind in (AutoTokenizer, AutoModelForSequenceClassification))
    with torch.no_grad():
        every = torch.cat([model.eval()(**tokenizer(row, return_tensors="pt")).logits for row in rows])
    return every[:, order].log_softmax(1)


def refused(spec: HubSpec) -> str:
    with pytest.raises(UserError) as raised:
        check_hub("mine", spec)
    assert len(str(raised.value).splitlines()) == 1
    return str(raised.value)


def test_a_teachers_logits_stand_under_the_classes_that_its_outputs_are_called_by(spec: HubSpec) -> None:
    found = check_hub("mine", spec)
    assert found.data.about.class_names == CLASSES
    expected = logits_of(spec.teachers["tiny"], texts(), [1, 0])
    assert torch.allclose(found.data.rows.logits["tiny"], expected, atol=1e-5)
    assert np.array_equal(found.data.rows.labels.numpy(), np.arange(ROWS) % 2)


def test_an_encoders_states_are_means_over_a_texts_tokens(spec: HubSpec) -> None:
    from transformers import AutoModel, AutoTokenizer

    found = check_hub("mine", spec).data.rows.features
    assert found.shape == (ROWS, 8)
    tokens = AutoTokenizer.from_pretrained(spec.encoder)(texts()[3], return_tensors="pt")
    with torch.no_grad():
        alone = AutoModel.from_pretrained(spec.encoder).eval()(**tokens).last_hidden_state[0].mean(0)
    assert torch.allclose(found[3], alone, atol=1e-5)


def test_the_texts_come_with_the_rows_into_the_parts_of_a_task(spec: HubSpec) -> None:
    found = check_hub("mine", replace(spec, rows=40, test="test")).data
    store.write(found, {}, (), ())
    data = store.read(store.folder_of("mine"))
    assert data.rows.shown == tuple(texts()[int(place)] for place in data.rows.accessions)
    task = data.split(["tiny"], 0, "validation", 1000)
    for part, labels in (("train", task.y_train), ("test", task.y_test)):
        positive = ["great" in text or "fine" in text for text in task.shown[part]]
        assert positive == labels.bool().tolist()
    assert found.test is not None
    assert found.test.shown == tuple(texts(1)[int(place)] for place in found.test.accessions)


def test_small_pictures_come_with_the_rows(tmp_path: Path) -> None:
    data, model = picture_folder(tmp_path / "data"), picture_model(tmp_path / "model")
    found = check_hub("mine", HubSpec(data, "label", ("image",), {"vit": model}, model)).data.rows
    for label, uri in zip(found.labels.tolist(), found.shown, strict=True):
        written = b64decode(uri.removeprefix("data:image/jpeg;base64,"))
        red, _, blue = Image.open(BytesIO(written)).convert("RGB").getpixel((5, 5))
        assert (red > blue) == bool(label)


def test_a_part_of_its_own_is_tested_on(spec: HubSpec) -> None:
    found = check_hub("mine", replace(spec, test="test"))
    assert found.data.test is not None
    expected = logits_of(spec.teachers["tiny"], texts(1), [1, 0])
    assert torch.allclose(found.data.test.logits["tiny"], expected, atol=1e-5)


def test_what_was_worked_out_before_is_not_worked_out_again(spec: HubSpec) -> None:
    reports: list[Progress] = []
    first = check_hub("mine", spec, on_progress=reports.append)
    assert reports[-1].fraction == 1
    reports.clear()
    assert check_hub("mine", spec, on_progress=reports.append).data.about == first.data.about
    assert not reports


def test_it_stops_when_it_is_asked_to(spec: HubSpec) -> None:
    with pytest.raises(Cancelled):
        check_hub("mine", spec, should_stop=lambda: True)


def test_notes_say_where_outputs_were_worked_out_and_what_was_cut(spec: HubSpec, tmp_path: Path) -> None:
    long = data().map(lambda row: {"text": " ".join([row["text"]] * 4)})
    long.save_to_disk(tmp_path / "long")
    notes = check_hub("mine", replace(spec, data=str(tmp_path / "long"))).notes
    where = "the processor; torch sees no GPU" if not torch.cuda.is_available() else torch.cuda.get_device_name()
    assert any(f"for long train, on {where}; 48 texts were cut at 16 tokens" in note for note in notes)


@pytest.mark.parametrize("kind", ["parquet", "json", "csv"])
def test_a_folder_of_plain_files_is_a_data_set(spec: HubSpec, tmp_path: Path, kind: str) -> None:
    getattr(data(None), f"to_{kind}")(tmp_path / f"train.{'jsonl' if kind == 'json' else kind}")
    found = check_hub("mine", replace(spec, data=str(tmp_path), classes=CLASSES))
    expected = check_hub("mine", spec)
    assert torch.equal(found.data.rows.logits["tiny"], expected.data.rows.logits["tiny"])
    assert torch.equal(found.data.rows.features, expected.data.rows.features)


def test_some_rows_are_the_same_whenever_they_are_drawn(spec: HubSpec) -> None:
    found, again = (check_hub("mine", replace(spec, rows=40)).data.rows for _ in range(2))
    assert len(found) == 40
    assert found.accessions == again.accessions
    whole = check_hub("mine", spec).data.rows
    places = [whole.accessions.index(row) for row in found.accessions]
    assert torch.allclose(found.logits["tiny"], whole.logits["tiny"][places], atol=1e-5)


def test_columns_of_numbers_can_be_the_students_inputs(spec: HubSpec) -> None:
    found = check_hub("mine", replace(spec, encoder="", columns=("length",)))
    assert found.data.rows.features[:, 0].tolist() == [row % 7 for row in range(ROWS)]


def test_pictures_have_teachers_and_encoders_as_texts_do(tmp_path: Path) -> None:
    model = picture_model(tmp_path / "eye")
    pictures = picture_folder(tmp_path / "pictures")
    found = check_hub("mine", HubSpec(pictures, "label", ("image",), {"eye": model}, encoder=model))
    rows = found.data.rows
    assert found.data.about.class_names == ("blue", "red")
    assert rows.features.shape == (24, 8)
    assert len({tuple(row) for row in rows.logits["eye"].tolist()}) == 2  # one answer for each colour


def test_a_data_set_is_looked_at_without_being_loaded(spec: HubSpec, tmp_path: Path) -> None:
    found = look(spec.data)
    assert found.splits == ("train", "test")
    assert found.columns == {"text": "text", "length": "numbers", "label": "labels: Negative, Positive"}
    assert (found.inputs, found.label) == ("text", "label")
    assert look(picture_folder(tmp_path)).columns == {"image": "pictures", "label": "labels: blue, red"}


# Labels are matched by name, or not at all


def test_outputs_without_names_are_named_by_a_person_or_refused(spec: HubSpec, tmp_path: Path) -> None:
    silent = replace(spec, teachers={"silent": text_model(tmp_path, ("LABEL_0", "LABEL_1"))})
    said = "calls its outputs 'LABEL_0', 'LABEL_1', which does not say which classes they are"
    assert said in refused(silent)
    assert "--outputs silent=Negative,Positive" in refused(silent)
    found = check_hub("mine", replace(silent, outputs={"silent": ("Positive", "Negative")}))
    expected = logits_of(silent.teachers["silent"], texts(), [1, 0])
    assert torch.allclose(found.data.rows.logits["silent"], expected, atol=1e-5)


def test_outputs_without_names_are_taken_by_number_where_the_classes_are_numbers(spec: HubSpec, tmp_path: Path) -> None:
    teachers = {"silent": text_model(tmp_path / "model", ("LABEL_0", "LABEL_1"))}
    found = check_hub("mine", replace(spec, data=data_folder(tmp_path, None), teachers=teachers))
    assert found.data.about.class_names == ("0", "1")


@pytest.mark.parametrize(
    ("outputs", "said"),
    [
        (("bad", "good"), "calls its outputs 'bad', 'good', and the classes are 'Negative', 'Positive'"),
        (("Negative", "neutral"), "'neutral' is none of them"),
        (("Negative", "NEGATIVE"), "two outputs of the model are called 'Negative'"),
    ],
)
def test_outputs_of_other_names_are_refused(spec: HubSpec, tmp_path: Path, outputs: tuple[str, ...], said: str) -> None:
    assert said in refused(replace(spec, teachers={"tiny": text_model(tmp_path, outputs)}))


def test_outputs_beyond_the_classes_are_left_out_by_name_and_said(spec: HubSpec, tmp_path: Path) -> None:
    teachers = {"wide": text_model(tmp_path, ("neutral", "positive", "negative"))}
    found = check_hub("mine", replace(spec, teachers=teachers))
    expected = logits_of(teachers["wide"], texts(), [2, 1])
    assert torch.allclose(found.data.rows.logits["wide"], expected, atol=1e-5)
    assert any("1 of its 3 outputs are no class of the data and were left out" in note for note in found.notes)


def test_a_teacher_of_some_classes_is_partial(spec: HubSpec, tmp_path: Path) -> None:
    data(("Negative", "Positive", "Mixed")).map(lambda row, at: {"label": at % 3}, with_indices=True).save_to_disk(
        tmp_path / "three"
    )
    found = check_hub("mine", replace(spec, data=str(tmp_path / "three")))
    assert not torch.isfinite(found.data.rows.logits["tiny"])[:, 2].any()


def test_answers_for_each_class_by_itself_are_divided_by_their_sum_on_request(spec: HubSpec, tmp_path: Path) -> None:
    model = text_model(tmp_path, problem_type="multi_label_classification")
    own = replace(spec, teachers={"own": model})
    assert "--normalise divides its probabilities by their sum" in refused(own)
    found = check_hub("mine", replace(own, normalise=True)).data.rows.logits["own"].softmax(1)
    alone = check_hub("mine", replace(spec, teachers={"tiny": text_model(tmp_path)})).data.rows.logits["tiny"]
    odds = alone[:, 1] - alone[:, 0]
    assert torch.equal(found[:, 1] > found[:, 0], odds > 0)


# What cannot be read is one line


def test_a_model_without_a_head_for_classes_is_no_teacher(spec: HubSpec) -> None:
    assert "lacks the weight classifier.bias and 1 more: a teacher needs a head" in refused(
        replace(spec, teachers={"bare": spec.encoder})
    )


def test_weights_that_would_have_to_be_unpickled_are_refused(spec: HubSpec, tmp_path: Path) -> None:
    shutil.copytree(spec.teachers["tiny"], tmp_path, dirs_exist_ok=True)
    (tmp_path / "model.safetensors").unlink()
    torch.save({}, tmp_path / "pytorch_model.bin")
    assert "cannot be read as a model of texts' classes with safetensors weights" in refused(
        replace(spec, teachers={"tiny": str(tmp_path)})
    )


def test_a_models_own_code_is_not_run(spec: HubSpec, tmp_path: Path) -> None:
    shutil.copytree(spec.teachers["tiny"], tmp_path, dirs_exist_ok=True)
    (tmp_path / "config.json").write_text('{"model_type": "own", "auto_map": {"AutoConfig": "code.Config"}}')
    (tmp_path / "code.py").write_text("raise SystemExit('it ran')")
    assert "teacher tiny" in refused(replace(spec, teachers={"tiny": str(tmp_path)}))


def test_a_data_set_in_a_format_that_can_run_code_is_refused(spec: HubSpec, tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("---\nconfigs:\n- config_name: default\n  data_files: a.pkl\n---\n")
    (tmp_path / "a.pkl").write_bytes(b"\x80\x04N.")
    assert "data: " in refused(replace(spec, data=str(tmp_path)))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"data": "/no/such/folder"}, "data: '/no/such/folder' is no folder on this machine, and can be no name"),
        ({"split": "dev"}, "has no part 'dev'; it has train, test"),
        ({"inputs": ("body",)}, "reviews train: has no column 'body'; it has 'text', 'length', 'label'"),
        ({"inputs": ("length",)}, "reviews train: row 1, column 'length': holds float, expected text or a picture"),
        ({"classes": ("a", "b")}, "classes: the data set names its own: Negative, Positive"),
        ({"outputs": {"tiny": ("Negative",)}}, "--outputs names 1 classes, the model has 2 outputs"),
    ],
)
def test_what_is_not_there_is_named(spec: HubSpec, change: dict[str, Any], said: str) -> None:
    assert said in refused(replace(spec, **change))


def test_a_label_beyond_the_named_classes_is_named_with_its_row(spec: HubSpec, tmp_path: Path) -> None:
    three = data(("Negative", "Positive", "Mixed")).map(lambda row, at: {"label": at % 3}, with_indices=True)
    three.save_to_disk(tmp_path)
    about = json.loads((tmp_path / "dataset_info.json").read_text())
    about["features"]["label"]["names"].pop()
    (tmp_path / "dataset_info.json").write_text(json.dumps(about))
    assert "row 3, column 'label': got 2, and there are 2 classes" in refused(replace(spec, data=str(tmp_path)))


def test_the_extra_that_is_missing_is_named(spec: HubSpec, monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> None:
        raise ImportError(name)

    monkeypatch.setattr(source.importlib, "import_module", absent)
    assert refused(spec) == "this needs the package datasets, which is not installed: pip install '.[hub]'"


def _unknown() -> Exception:
    from huggingface_hub.errors import RepositoryNotFoundError

    return RepositoryNotFoundError.__new__(RepositoryNotFoundError)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (lambda: ConnectionError("Name or service not known"), "the Hub cannot be reached from it"),
        (_unknown, "no data set on the Hub that is shown to you"),
    ],
)
def test_a_hub_that_does_not_answer_or_does_not_know_a_name_is_one_line(
    spec: HubSpec, monkeypatch: pytest.MonkeyPatch, error: Callable[[], Exception], said: str
) -> None:
    import huggingface_hub

    def fail(*args: Any, **options: Any) -> None:
        raise error()

    monkeypatch.setattr(huggingface_hub.HfApi, "repo_info", fail)
    assert said in refused(replace(spec, data="somebody/something"))
