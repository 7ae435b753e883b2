"""Models of transformers at work: a teacher's logits for rows, and an encoder's mean hidden states.

Weights are read as safetensors alone, so nothing is unpickled, and no code of a model's own is run.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor

from mtbkd_core.common.files import content_hash
from mtbkd_core.common.progress import OnProgress, Phase, Progress, ShouldStop, UserError, stop_if
from mtbkd_core.imports.hub.source import Source, attempt, find, library
from mtbkd_core.proteins.embeddings import batches
from mtbkd_core.proteins.feature_cache import cached_features

#: Pictures that go through a model at once, and the longest text where neither tokenizer nor model names a limit.
_PICTURES, _LONGEST = 32, 512
#: A tokenizer without a limit says so by a number beyond this.
_NO_LIMIT = 10**6
#: Raise it when the meaning of what is kept changes: it is then worked out anew.
VERSION = 1


class ModelRows(Protocol):
    """Rows of which a model reads a column."""

    @property
    def name(self) -> str:
        """For people."""

    def __len__(self) -> int: ...

    def at(self, row: int, column: str) -> str:
        """A row and a column as the beginning of a message."""

    def pictures(self, column: str, start: int, end: int) -> list[Any]:
        """Some pictures of a column in colours, as Pillow has them; refuses one that cannot be read."""


@dataclass(frozen=True)
class Model:
    """A model that is ready for one kind of input.

    Attributes:
        source: where it is from.
        network: of transformers, on `device`.
        prepare: its tokenizer or image processor.
        pictures: whether it reads pictures.
        head: whether its logits are wanted, and not its hidden states.
    """

    what: str
    source: Source
    network: Any
    prepare: Any
    pictures: bool
    head: bool
    device: torch.device

    @property
    def id2label(self) -> dict[int, str]:
        """The names that the model gives its outputs."""
        return {int(place): str(name) for place, name in self.network.config.id2label.items()}

    @property
    def independent(self) -> bool:
        """Whether each of its outputs is a yes or no of its own, and not one class out of several."""
        return getattr(self.network.config, "problem_type", None) == "multi_label_classification"

    @property
    def limit(self) -> int:
        """The most tokens that it reads of a text."""
        limit = int(self.prepare.model_max_length)
        places = getattr(self.network.config, "max_position_embeddings", None) or _LONGEST + 2
        return limit if limit < _NO_LIMIT else max(3, int(places) - 2)  # some models begin to count at 2


def load_model(given: str, what: str, *, pictures: bool, head: bool) -> Model:
    """A model by its folder or its name on the Hub.

    Args:
        what: begins each message.
        pictures: whether it is to read pictures, and not texts.
        head: whether it has to have a head for classes, and not hidden states alone.
    Raises:
        UserError: a model that cannot be found or read, has no safetensors weights, or lacks some; one that is not for
            one class out of several; one line.
    """
    transformers, source = library("transformers"), find(given, what, "model")
    reads = "Image" if pictures else "Sequence"
    kind = getattr(transformers, f"AutoModelFor{reads}Classification") if head else transformers.AutoModel
    prepare = transformers.AutoImageProcessor if pictures else transformers.AutoTokenizer
    inputs, task = ("pictures", "pictures' classes") if pictures else ("texts", "texts' classes")
    safe = {"revision": source.revision, "trust_remote_code": False}
    wanted = f"a model of {task if head else inputs} with safetensors weights"
    ready = attempt(what, source, f"a model of {inputs}", lambda: prepare.from_pretrained(source.where, **safe))
    network, loaded = attempt(
        what,
        source,
        wanted,
        lambda: kind.from_pretrained(source.where, use_safetensors=True, output_loading_info=True, **safe),
    )
    # transformers fills in random numbers for what is missing; hidden states do not go through a pooler
    missing = sorted(name for name in loaded["missing_keys"] if head or "pooler" not in name)
    if missing:
        more = f" and {len(missing) - 1:,} more" if len(missing) > 1 else ""
        need = "a teacher needs a head that was trained for classes" if head else "an encoder needs all"
        raise UserError(f"{what}: {source.where!r} lacks the weight {missing[0]}{more}: {need}")
    kind_of_problem = getattr(network.config, "problem_type", None)
    if head and (kind_of_problem == "regression" or network.config.num_labels < 2):
        raise UserError(f"{what}: {source.where!r} has one output, a regression's; expected one for each class")
    if not head and getattr(network.config, "is_encoder_decoder", False):
        network = network.get_encoder()
    if not pictures and ready.pad_token is None:  # rows of a batch are of one length
        ready.pad_token = ready.eos_token or ready.unk_token
        network.config.pad_token_id = ready.pad_token_id
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    return Model(what, source, network.eval().float().to(device), ready, pictures, head, device)


def outputs_of(
    model: Model,
    rows: ModelRows,
    column: str,
    texts: Sequence[Sequence[str]],
    on_progress: OnProgress | None,
    should_stop: ShouldStop | None,
) -> tuple[Tensor, str]:
    """A model's logits [N, outputs] or mean hidden states [N, H] for rows, float32, and how they came about, one line.

    What was worked out before comes from the home folder.

    Args:
        column: of pictures, or the first of texts.
        texts: of a model of texts: its columns of N.
    Raises:
        UserError: a row without a picture, outputs that are not finite, or memory that does not suffice.
        Cancelled: `should_stop` returned true.
    """
    said = _Said(model, rows, on_progress, should_stop)
    try:
        found = said.of_pictures(column) if model.pictures else said.of_texts(texts)
    except torch.OutOfMemoryError:
        raise UserError(f"{model.what}: {model.source.where!r} needs more memory than the GPU has") from None
    if not found.isfinite().all():
        row = int((~found.isfinite()).any(1).nonzero()[0, 0])
        raise UserError(f"{model.what}: {model.source.where!r} gives no finite numbers for {rows.at(row, column)}")
    return found, said.line()


@dataclass
class _Said:
    """One model's way through the rows."""

    model: Model
    rows: ModelRows
    on_progress: OnProgress | None
    should_stop: ShouldStop | None
    cut: int = 0

    def of_pictures(self, column: str) -> Tensor:
        groups = [range(start, min(start + _PICTURES, len(self.rows))) for start in range(0, len(self.rows), _PICTURES)]
        digest = hashlib.sha256()
        for group in groups:
            for picture in self.rows.pictures(column, group.start, group.stop):
                digest.update(repr(picture.size).encode() + picture.tobytes())

        def prepare(group: Sequence[int]) -> Any:
            pictures = self.rows.pictures(column, group[0], group[-1] + 1)
            return self.model.prepare(images=pictures, return_tensors="pt")

        return self._through(groups, prepare, digest.hexdigest() + self.model.prepare.to_json_string())

    def of_texts(self, columns: Sequence[Sequence[str]]) -> Tensor:
        tokens = self.model.prepare(*columns, truncation=True, max_length=self.model.limit)
        lengths = [len(ids) for ids in tokens["input_ids"]]
        longest = [row for row, length in enumerate(lengths) if length >= self.model.limit]
        if longest:
            whole = self.model.prepare(*([texts[row] for row in longest] for texts in columns), verbose=False)
            self.cut = sum(len(ids) > self.model.limit for ids in whole["input_ids"])

        def prepare(group: Sequence[int]) -> Any:
            some = {name: [values[row] for row in group] for name, values in tokens.items()}
            return self.model.prepare.pad(some, return_tensors="pt")

        seen = (json.dumps([name, values[row]]) for name, values in tokens.items() for row in range(len(lengths)))
        return self._through(batches(lengths), prepare, content_hash(*seen))

    @torch.no_grad()
    def _through(self, groups: Sequence[Sequence[int]], prepare: Callable[[Sequence[int]], Any], inputs: str) -> Tensor:
        def compute() -> Tensor:
            found, done = torch.empty(0), 0
            for group in groups:
                stop_if(self.should_stop)
                values = self._answer(prepare(group))
                found = torch.empty(len(self.rows), values.shape[1]) if not done else found
                found[list(group)] = values
                done += len(group)
                if self.on_progress is not None:
                    line = f"{self.model.what}: {done:,} of {len(self.rows):,} rows"
                    share = done / len(self.rows)
                    self.on_progress(Progress(Phase.TEACHERS, done, len(self.rows), share, line))
            return found

        return cached_features(self._digest(inputs), (len(self.rows), None), compute)

    def _answer(self, batch: Any) -> Tensor:
        batch = {name: values.to(self.model.device) for name, values in batch.items()}
        answer = self.model.network(**batch)
        if self.model.head:
            logits: Tensor = answer.logits.float().cpu()
            return logits
        states: Tensor = answer.last_hidden_state.float()
        if self.model.pictures:  # [B, places, H], or of a convolutional network [B, H, height, width]
            return (states.mean(1) if states.ndim == 3 else states.flatten(2).mean(2)).cpu()
        mask = batch["attention_mask"][..., None]
        mean: Tensor = ((states * mask).sum(1) / mask.sum(1)).cpu()
        return mean

    def _digest(self, inputs: str) -> str:
        """Of all that the numbers follow from: a folder or a name may later hold another model."""
        weights = hashlib.sha256()
        for name, value in sorted(self.model.network.state_dict().items()):
            if value.ndim:  # a pooler that was never saved differs from one load to the next
                weights.update(name.encode())
                weights.update(
                    b"" if "pooler" in name else value.cpu().contiguous().view(torch.uint8).numpy().tobytes()
                )
        settings = {key: value for key, value in self.model.network.config.to_dict().items() if key != "_name_or_path"}
        about = json.dumps(settings, sort_keys=True, default=str)
        return content_hash(str(VERSION), str(self.model.head), weights.hexdigest(), about, inputs)

    def line(self) -> str:
        """How the numbers came about."""
        gpu = self.model.device.type == "cuda"
        where = torch.cuda.get_device_name(self.model.device) if gpu else "the processor; torch sees no GPU"
        cut = f"; {self.cut:,} texts were cut at {self.model.limit:,} tokens" if self.cut else ""
        return f"{self.model.what}: {self.model.source}, for {self.rows.name}, on {where}{cut}"
