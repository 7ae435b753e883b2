"""A small data set and small models, as the libraries save them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

CLASSES = ("Negative", "Positive")
WORDS = ("dull", "flat", "fine", "great")
ROWS = 48
SIZES = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}


def texts(seed: int = 0) -> list[str]:
    random = np.random.default_rng(seed)
    return [" ".join(random.choice(WORDS[2 * (row % 2) :][:2], 5)) for row in range(ROWS)]


def data(names: Sequence[str] | None = CLASSES, seed: int = 0) -> Any:
    """48 texts of two classes, whose labels have names or only count."""
    from datasets import ClassLabel, Dataset, Features, Value

    label = Value("int64") if names is None else ClassLabel(names=list(names))
    features = Features({"text": Value("string"), "length": Value("float32"), "label": label})
    rows = {"text": texts(seed), "length": np.arange(ROWS) % 7, "label": np.arange(ROWS) % 2}
    return Dataset.from_dict({name: list(values) for name, values in rows.items()}, features=features)


def data_folder(folder: Path, names: Sequence[str] | None = CLASSES) -> str:
    """Parts train and test, as `save_to_disk` writes them."""
    from datasets import DatasetDict

    DatasetDict(train=data(names), test=data(names, 1)).save_to_disk(folder / "reviews")
    return str(folder / "reviews")


def text_model(folder: Path, outputs: Sequence[str] = CLASSES, seed: int = 0, **changes: Any) -> str:
    """A model of random weights with a head for classes, and its tokenizer; no outputs: without a head."""
    from transformers import BertConfig, BertForSequenceClassification, BertModel, BertTokenizer

    folder.mkdir(exist_ok=True)
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *WORDS]
    (folder / "vocab.txt").write_text("\n".join(words))
    BertTokenizer(str(folder / "vocab.txt"), model_max_length=16).save_pretrained(folder)
    named = {"id2label": dict(enumerate(outputs)), "label2id": {name: place for place, name in enumerate(outputs)}}
    config = BertConfig(vocab_size=len(words), **SIZES, **(named if outputs else {}), **changes)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        (BertForSequenceClassification if outputs else BertModel)(config).save_pretrained(folder)
    return str(folder)


def picture_folder(folder: Path) -> str:
    """24 pictures of two colours, a folder for each."""
    from PIL import Image

    for colour in ("blue", "red"):
        (folder / "train" / colour).mkdir(parents=True)
        for number in range(12):
            Image.new("RGB", (12, 10), colour).save(folder / "train" / colour / f"{number}.png")
    return str(folder)


def picture_model(folder: Path, outputs: Sequence[str] = ("red", "blue")) -> str:
    from transformers import ViTConfig, ViTForImageClassification, ViTImageProcessor

    config = ViTConfig(
        image_size=16, patch_size=8, **SIZES, id2label=dict(enumerate(outputs)), label2id=dict.fromkeys(outputs, 0)
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        ViTForImageClassification(config).save_pretrained(folder)
    ViTImageProcessor(size={"height": 16, "width": 16}).save_pretrained(folder)
    return str(folder)
