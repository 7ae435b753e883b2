"""The result of a distillation: students, metrics and predictions; saved to a folder and loaded again."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any, TypeVar

import torch
from annotated_types import Len
from pydantic import BaseModel, ConfigDict, PositiveInt, ValidationError
from torch import Tensor

from mtbkd_core.common.files import make_folder, read_json, read_tensors, write_atomically, write_tensors
from mtbkd_core.common.machine import describe_machine
from mtbkd_core.common.progress import UserError
from mtbkd_core.config.choices import FeatureKind
from mtbkd_core.config.models import RunConfig
from mtbkd_core.config.parse import ConfigError, describe, parse_config
from mtbkd_core.evaluation.evaluate import reported
from mtbkd_core.evaluation.metrics import Metrics
from mtbkd_core.evaluation.predictions import Predictions
from mtbkd_core.evaluation.predictive import ByChain, Predictive, predict, predict_by_chain, thin
from mtbkd_core.evaluation.strength_path import StrengthChoice
from mtbkd_core.samplers.chains import Standing
from mtbkd_core.students.base import Student
from mtbkd_core.students.features import Features, load_features
from mtbkd_core.students.registry import build_student
from mtbkd_core.tasks.base import Task

M = TypeVar("M", bound=BaseModel)

#: Raise it when the meaning of a saved file changes. Format 1 differs in config.json alone: its flat names are aliases.
FORMAT = 2
_READABLE = (1, FORMAT)
_FEATURES = "features.safetensors"
#: What the program chose where config.json left it to the program, and how much was sampled.
_RESOLVED = "resolved.json"
_STANDING = "standing."


class _Shapes(BaseModel):
    """The part of environment.json that the student is built from."""

    model_config = ConfigDict(strict=True)

    n_features: PositiveInt
    class_names: list[str]
    image_shape: Annotated[list[PositiveInt], Len(2, 2)] | None = None


class _Resolved(BaseModel):
    """resolved.json."""

    config: RunConfig
    strength: StrengthChoice | None = None
    sampling: dict[str, Any] = {}


@dataclass(frozen=True, eq=False)
class Result:
    """A finished distillation.

    Attributes:
        config: the settings that it was made with; what was left to the program is chosen.
        metrics: scores and diagnostics.
        draws: [S, D, P] parameters of the sampled students.
        predictions: on the test and the labelled examples, and on shifted inputs.
        environment: machine, versions, data fingerprint, number of inputs and their shape, names of classes.
        features: what the student sees in place of the task's inputs; None: these.
        asked: the settings as they were asked for; None: `config`.
        strength: how the strength was chosen; None where it was given.
        standing: what its chains need to go on; None: not saved.
        sampling: what was done: draws, gradients, the precision reached and what ended it.
    """

    config: RunConfig
    metrics: Metrics
    draws: Tensor
    predictions: Predictions
    environment: dict[str, Any]
    features: Features | None = None
    asked: RunConfig | None = None
    strength: StrengthChoice | None = None
    standing: Standing | None = None
    sampling: dict[str, Any] = field(default_factory=dict)

    @cached_property
    def student(self) -> Student:
        """The network that the draws are parameters of."""
        count, shape = self.environment["n_features"], self.environment.get("image_shape")
        if self.features is not None:
            count, shape = self.features.count, None
        classes = len(self.environment["class_names"])
        return build_student(self.config.student, count, classes, None if shape is None else (shape[0], shape[1]))

    @cached_property
    def reported(self) -> Tensor:
        """[S, D', P], the draws that its scores are of."""
        return reported(self.draws, self.predictions.test.mean.numel())

    def student_inputs(self, x: Tensor) -> Tensor:
        """What the student sees of the task's inputs [M, F]: themselves, or their features [M, F']."""
        return x if self.features is None else self.features.transform(x)

    def predict(self, x: Tensor, *, max_draws: int = 1600, memory: int = 2**22) -> Predictive:
        """Predict inputs with all students, or with `max_draws` of them evenly spread over the chains.

        Args:
            x: [M, F], on the scale of the task's inputs.
            max_draws: the most students that are used.
            memory: how many numbers an intermediate may hold; inputs are taken in pieces accordingly.
        Raises:
            UserError: inputs of another width, or not finite.
        """
        return predict(
            self.student, thin(self.draws, max_draws), self._checked(x), memory=memory, inputs=self.student_inputs
        )

    def predict_by_chain(self, x: Tensor, *, max_draws: int = 1600) -> tuple[Predictive, ByChain]:
        """As `predict`, and what each chain says, for the sampler's error."""
        return predict_by_chain(self.student, thin(self.draws, max_draws), self.student_inputs(self._checked(x)))

    def _checked(self, x: Tensor) -> Tensor:
        features = self.environment["n_features"]
        if x.ndim != 2 or x.shape[1] != features or not torch.isfinite(x).all():
            raise UserError(f"x: needs finite numbers of shape [M, {features}], got shape {list(x.shape)}")
        return x.float()

    def export(
        self, folder: str | Path, *, task: Task | None = None, draws: int | None = None, single: bool = False
    ) -> dict[str, Any]:
        """Write the student as student.onnx, README.md (a model card) and config.json, to be used without this program.

        Args:
            folder: made where it is missing.
            task: the task that the run was made with; None: load it.
            draws: how many students, over all chains; None: the fewest whose NLL is that of all within the sampler's
                error.
            single: one network, distilled from the posterior, in place of the students.
        Returns:
            what config.json holds.
        Raises:
            UserError: libraries of the extra `export` are missing; a task whose data are not those of the run; a number
                of draws that is not allowed; a folder that cannot be written.
        """
        # the layer above: a method is where people look for it, and nothing here depends on it
        package = import_module("mtbkd_core.export.package").make_package(self, task=task, draws=draws, single=single)
        package.write(folder)
        config: dict[str, Any] = package.config
        return config

    def has_labels_of(self, task: Task) -> bool:
        """Whether a task's labelled and test examples have the labels of those that the run was made with."""
        pairs = ((self.predictions.train.labels, task.y_train), (self.predictions.test.labels, task.y_test))
        return all(torch.equal(saved.long(), labels.long()) for saved, labels in pairs)

    def save(self, folder: str | Path) -> None:
        """Write the result; metrics.json comes last, so that a folder that has it is whole.

        Raises:
            UserError: the folder cannot be written or the disk is full.
        """
        folder = Path(folder)
        make_folder(folder)
        asked = self.asked or self.config
        if not _holds(folder / "config.json", asked):  # one of a former format is what a run is named by
            write_atomically(folder / "config.json", asked.model_dump_json(indent=2))
        if self.asked is not None or self.sampling:
            resolved = _Resolved(config=self.config, strength=self.strength, sampling=self.sampling)
            write_atomically(folder / _RESOLVED, resolved.model_dump_json(indent=2))
        # in one file with the draws: the chains go on from the last of them
        standing = {} if self.standing is None else self.standing.tensors()
        posterior = {"draws": self.draws, **{_STANDING + name: value for name, value in standing.items()}}
        write_tensors(folder / "posterior.safetensors", posterior, {"format": str(FORMAT)})
        write_tensors(folder / "predictions.safetensors", self.predictions.tensors(), {"format": str(FORMAT)})
        if self.features is not None:
            write_tensors(folder / _FEATURES, self.features.tensors(), {"format": str(FORMAT)})
        write_atomically(folder / "environment.json", json.dumps(self.environment, indent=2))
        write_atomically(folder / "metrics.json", json.dumps(self.metrics.dump(), indent=2, allow_nan=False))

    @classmethod
    def load(cls, folder: str | Path) -> Result:
        """Read a saved result.

        Raises:
            UserError: a file that is missing, torn, of another format or of shapes that do not fit the configuration.
        """
        folder = Path(folder)
        try:
            config = parse_config((folder / "config.json").read_bytes())
        except OSError as error:
            raise UserError(f"{folder / 'config.json'}: cannot be read ({error.strerror})") from None
        except ConfigError as error:
            raise UserError(f"{folder / 'config.json'}: {error}") from None
        resolved = folder / _RESOLVED
        chosen = _validated(_Resolved, read_json(resolved), resolved) if resolved.exists() else None
        environment = _read_environment(folder)
        _validated(_Shapes, environment, folder / "environment.json")
        metrics = read_metrics(folder)
        path = folder / "posterior.safetensors"
        try:
            posterior = read_tensors(path)
            draws, standing = _widened(posterior["draws"]), _standing(posterior)
            path = folder / "predictions.safetensors"
            named = read_tensors(path)
            wide = {name: _widened(value) for name, value in named.items() if name != "test.draws"}
            predictions = Predictions.from_tensors(named | wide)
        except KeyError as error:
            raise UserError(f"{path}: holds no {error.args[0]}") from None
        result = cls(
            config if chosen is None else chosen.config,
            metrics,
            draws,
            predictions,
            environment,
            _read_features(config, folder / _FEATURES),
            asked=None if chosen is None or chosen.strength is None else config,
            strength=None if chosen is None else chosen.strength,
            standing=standing,
            sampling={} if chosen is None else chosen.sampling,
        )
        wanted = result.student.n_parameters
        if draws.ndim != 3 or draws.shape[2] != wanted:
            raise UserError(
                f"{folder}: the draws have shape {list(draws.shape)}, the student has {wanted} parameters: "
                "another version of this program made them"
            )
        return result


def _read_features(config: RunConfig, path: Path) -> Features | None:
    if config.student.features_used is FeatureKind.NONE:
        return None
    try:
        return load_features(read_tensors(path))
    except TypeError:
        raise UserError(f"{path}: lacks some of what features are made of") from None


def _widened(value: Tensor) -> Tensor:
    """Half precision, in which runs are saved that have to be small, as float32."""
    return value.float() if value.dtype == torch.float16 else value


def _standing(posterior: Mapping[str, Tensor]) -> Standing | None:
    """What posterior.safetensors holds of the chains; runs of former versions have nothing of them."""
    named = {name.removeprefix(_STANDING): value for name, value in posterior.items() if name.startswith(_STANDING)}
    return Standing.from_tensors(named) if named else None


def read_metrics(folder: Path) -> Metrics:
    """The metrics of a saved result, without its draws and predictions.

    Raises:
        UserError: a file that is missing, torn or of another format.
    """
    _read_environment(folder)
    return _validated(Metrics, read_json(folder / "metrics.json"), folder / "metrics.json")


def _read_environment(folder: Path) -> dict[str, Any]:
    """environment.json, which says in which format all files of the folder are."""
    environment = read_json(folder / "environment.json")
    if environment.get("format") not in _READABLE:
        raise UserError(
            f"{folder}: saved in format {environment.get('format')}, this program reads formats up to {FORMAT}"
        )
    return environment


def _holds(path: Path, config: RunConfig) -> bool:
    try:
        return parse_config(path.read_bytes()) == config
    except (OSError, ConfigError):
        return False


def _validated(model: type[M], values: dict[str, Any], path: Path) -> M:
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise UserError(f"{path}: {describe(error)}") from None


def describe_environment(device: torch.device) -> dict[str, Any]:
    """The machine and the versions that a result was computed with, and the format that it is saved in."""
    return {"format": FORMAT, **describe_machine(device)}
