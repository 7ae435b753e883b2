"""The model card is one that the Hub's own library reads, and says what a reader has to know."""

import re
from dataclasses import replace
from typing import Any

import pytest
from huggingface_hub import ModelCard

from mtbkd_core import Result, Task
from mtbkd_core.evaluation.scores import OF_ALL
from mtbkd_core.export.package import make_package


@pytest.fixture(scope="module")
def text(runs: dict[str, Result], few_digits: Task) -> str:
    return make_package(runs["cnn"], task=few_digits).files["README.md"].decode()


@pytest.fixture(scope="module")
def card(text: str) -> Any:
    return ModelCard(text)


def test_its_metadata_are_read_back_whole(card: Any) -> None:
    assert card.data.license == "cc-by-4.0"
    assert card.data.pipeline_tag == "image-classification"
    assert card.data.library_name == "onnx"
    assert ModelCard(str(card)).data.to_dict() == card.data.to_dict()


def test_its_results_are_the_scores_of_the_file(card: Any, runs: dict[str, Result], few_digits: Task) -> None:
    config = make_package(runs["cnn"], task=few_digits).config
    found = {result.metric_type: result.metric_value for result in card.data.eval_results}
    assert found == {name: config["scores"][name] for name in OF_ALL if config["scores"][name] is not None}


def test_it_names_teachers_with_their_fingerprints_limits_and_verdict(
    text: str, few_digits: Task, runs: dict[str, Result]
) -> None:
    for name in runs["cnn"].config.data.teachers:
        assert few_digits.teachers[name].fingerprint in text
    assert "**Verdict.**" in text
    assert re.search(r"The file is .* each of its 3 teachers: .*For one input it is ", text)
    assert re.search(r"Weakest classes on the test examples, accuracy with its 95 % interval: .* % \[.* to .*\]", text)
    assert runs["cnn"].environment["fingerprint"] in text


def test_names_from_outside_stay_text(runs: dict[str, Result], few_digits: Task) -> None:
    result = runs["linear"]
    hostile = replace(
        result, environment=result.environment | {"class_names": ["a|b\n---\n# c", "<script>", *map(str, range(8))]}
    )
    text = make_package(hostile, task=few_digits).files["README.md"].decode()
    assert "<script>" not in text
    assert ModelCard(text).data.license == "cc-by-4.0"
    assert "a\\|b --- \\# c" in text
