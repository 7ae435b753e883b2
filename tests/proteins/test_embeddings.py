"""A protein model's outputs, on a tiny random one that is saved to disk."""

from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from mtbkd_core import UserError
from mtbkd_core.progress import Progress
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
    told: list[Progress] = []
    first = embed(SEQUENCES, str(model), on_progress=told.append)
    assert told[-1].fraction == 1
    told.clear()
    assert torch.equal(embed(SEQUENCES, str(model), on_progress=told.append), first)
    assert told == []
    embed(SEQUENCES[:2], str(model), on_progress=told.append)
    assert told
    assert len(list((own_home / "features").iterdir())) == 2


def test_a_model_without_safetensors_weights_is_refused(model: Path, tmp_path: Path) -> None:
    for file in model.iterdir():
        if file.suffix != ".safetensors":
            (tmp_path / file.name).write_bytes(file.read_bytes())
    torch.save({}, tmp_path / "pytorch_model.bin")
    with pytest.raises(UserError, match="cannot be read as an ESM model with safetensors weights"):
        embed(SEQUENCES, str(tmp_path))


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
