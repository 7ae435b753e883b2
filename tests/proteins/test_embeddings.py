"""A protein model's outputs, on a tiny random one that is saved to disk."""

import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from safetensors.torch import load_file, save_file

from mtbkd_core import UserError
from mtbkd_core.common.progress import Progress
from mtbkd_core.proteins import embeddings
from mtbkd_core.proteins.embeddings import batches, embed

SEQUENCES = ["MKVLAA", "MW", "MKKRRSSTPL", "MW"]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    transformers = pytest.importorskip("transformers")
    folder = tmp_path_factory.mktemp("esm")
    words = ["<cls>", "<pad>", "<eos>", "<unk>", *"LAGVSERTIDPKQNFYMHWCXBUZO", ".", "-", "<null_1>", "<mask>"]
    (folder / "vocab.txt").write_text("\n".join(words))
    transformers.EsmTokenizer(str(folder / "vocab.txt")).save_pretrained(folder)
    config = transformers.EsmConfig(
        vocab_size=len(words),
        mask_token_id=words.index("<mask>"),
        pad_token_id=1,
        hidden_size=8,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        position_embedding_type="rotary",
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        transformers.EsmModel(config, add_pooling_layer=False).save_pretrained(folder)
    return folder


def test_a_mean_over_residues_leaves_special_tokens_and_padding_out(model: Path) -> None:
    import transformers

    found = embed(SEQUENCES, str(model))
    assert found.shape == (4, 8)
    assert torch.equal(found[1], found[3])
    network = transformers.EsmModel.from_pretrained(model, add_pooling_layer=False).eval()
    tokens = transformers.EsmTokenizer.from_pretrained(model)("MKVLAA", return_tensors="pt")
    with torch.no_grad():
        alone = network(**tokens).last_hidden_state[0, 1:-1].mean(0)
    assert torch.allclose(found[0], alone, atol=1e-5)


def test_what_was_asked_before_comes_from_the_home_folder(model: Path, own_home: Path) -> None:
    reports: list[Progress] = []
    first = embed(SEQUENCES, str(model), on_progress=reports.append)
    assert reports[-1].fraction == 1
    reports.clear()
    assert torch.equal(embed(SEQUENCES, str(model), on_progress=reports.append), first)
    assert reports == []
    embed(SEQUENCES[:2], str(model), on_progress=reports.append)
    assert reports
    assert len(list((own_home / "features").iterdir())) == 2


def test_a_model_without_safetensors_weights_is_refused(model: Path, tmp_path: Path) -> None:
    for file in model.iterdir():
        if file.suffix != ".safetensors":
            (tmp_path / file.name).write_bytes(file.read_bytes())
    torch.save({}, tmp_path / "pytorch_model.bin")
    with pytest.raises(UserError, match="cannot be read as an ESM model with safetensors weights"):
        embed(SEQUENCES, str(tmp_path))


def changed(model: Path, folder: Path, change: Callable[[dict[str, torch.Tensor]], dict[str, torch.Tensor]]) -> str:
    """A copy of the model with other weights."""
    shutil.copytree(model, folder, dirs_exist_ok=True)
    weights = change(load_file(folder / "model.safetensors"))
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    return str(folder)


def test_a_model_that_lacks_a_weight_is_refused_by_the_weights_name(model: Path, tmp_path: Path) -> None:
    def without_query(weights: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        return {name: value for name, value in weights.items() if "query" not in name}

    folder = changed(model, tmp_path, without_query)
    with pytest.raises(UserError) as raised:
        embed(SEQUENCES, folder)
    assert str(raised.value) == (
        f"model: {folder!r} lacks the weight encoder.layer.0.attention.self.query.bias and 1 more, expected all "
        "that an ESM model needs"
    )


def test_what_hidden_states_do_not_go_through_may_be_missing_and_does_not_hinder_the_cache(
    model: Path, tmp_path: Path, own_home: Path
) -> None:
    def bare(weights: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        kept = ("embeddings.word", "encoder.")
        return {name: value for name, value in weights.items() if name.startswith(kept)}

    first = embed(SEQUENCES, str(model))
    assert torch.equal(embed(SEQUENCES, changed(model, tmp_path, bare)), first)
    assert len(list((own_home / "features").iterdir())) == 1
    shutil.rmtree(own_home / "features")
    assert torch.equal(embed(SEQUENCES, str(tmp_path)), first)


def test_a_model_that_is_no_esm_is_refused(model: Path, tmp_path: Path) -> None:
    import transformers

    config = transformers.BertConfig(
        vocab_size=33, hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16
    )
    shutil.copytree(model, tmp_path, dirs_exist_ok=True)
    transformers.BertModel(config).save_pretrained(tmp_path)
    with pytest.raises(UserError, match=r"^model: '.*' is of the kind 'bert', expected an ESM model \('esm'\)$"):
        embed(SEQUENCES, str(tmp_path))


def test_another_vocabulary_or_setting_is_not_answered_from_the_cache(
    model: Path, tmp_path: Path, own_home: Path
) -> None:
    first = embed(SEQUENCES, str(model))
    for file, old, new in (
        ("vocab.txt", "L\nA\n", "A\nL\n"),
        ("config.json", '"token_dropout": false', '"token_dropout": true'),
    ):
        folder = tmp_path / file
        shutil.copytree(model, folder)
        assert old in (folder / file).read_text()
        (folder / file).write_text((folder / file).read_text().replace(old, new))
        for fast in folder.glob("tokenizer.json"):
            fast.unlink()
        assert not torch.equal(embed(SEQUENCES, str(folder)), first)
    assert len(list((own_home / "features").iterdir())) == 3


def test_kept_features_of_another_shape_are_worked_out_anew(
    model: Path, own_home: Path, caplog: pytest.LogCaptureFixture
) -> None:
    first = embed(SEQUENCES, str(model))
    (path,) = (own_home / "features").iterdir()
    save_file({"features": first[:2].clone()}, path)
    assert torch.equal(embed(SEQUENCES, str(model)), first)
    assert "it holds something else" in caplog.text


def test_batches_hold_sequences_of_like_length_and_no_more_tokens_than_allowed() -> None:
    lengths = [3, 100, 5, 30, 28]
    found = batches(lengths, tokens=64)
    assert found == [[1], [3, 4], [2, 0]]
    assert sorted(index for batch in found for index in batch) == list(range(5))


def test_a_sequence_that_is_too_long_for_a_model_is_named_by_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    network = torch.nn.Linear(1, 1)
    network.config = SimpleNamespace(max_position_embeddings=8, pad_token_id=1)
    monkeypatch.setattr(embeddings, "_load", lambda model: (None, network))
    with pytest.raises(UserError, match=r"^sequence 2: 5 residues, small takes at most 4$"):
        embed(["MKV", "MKVLA"], "small")
    with pytest.raises(UserError, match=r"^t\.csv: line 3: 5 residues, small takes at most 4$"):
        embed(["MKV", "MKVLA"], "small", where=lambda row: f"t.csv: line {row + 2}")
