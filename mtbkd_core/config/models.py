"""What a run is: one frozen, validated configuration for the app, the address bar, files, command line and tests."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Annotated, Any, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator, model_validator

from mtbkd_core.common.progress import UserError


class ConfigError(UserError):
    """A setting that cannot be used; the message is one line naming the field, the value and what is allowed."""


class _Choice(StrEnum):
    """An enum whose members carry a line of help, which the app shows beside the widget."""

    help: str

    def __new__(cls, value: str, help: str = "") -> Self:
        member = str.__new__(cls, value)
        member._value_ = value
        member.help = help
        return member


class WeightRule(_Choice):
    """How the teachers' weights follow from their entropies at an example (DESIGN: entropy weights)."""

    INVERSE_ENTROPY = "inverse_entropy", "The paper's: base weight times one minus the teacher's share of all entropy."
    SOFTMIN = "softmin", "Base weight times exp(-entropy / sharpness): if small, the most certain teacher alone counts."
    FIXED = "fixed", "The base weights as they are, the same for every example."


class StudentKind(_Choice):
    """The student's architecture."""

    LINEAR = "linear", "Multinomial logistic regression: one layer, no hidden units."
    MLP = "mlp", "A fully connected network with SiLU units."
    CNN = "cnn", "A small convolutional network with SiLU units, for tasks whose inputs are pictures."


class Algorithm(_Choice):
    """The sampler that explores the posterior."""

    BAOAB = (
        "baoab",
        "Langevin dynamics with momentum, split as B-A-O-A-B: the fastest here at equal accuracy. With a batch size "
        "it is stochastic gradient HMC (SGHMC).",
    )
    SGLD = "sgld", "Stochastic gradient Langevin dynamics: gradient steps with noise; simple, and slow to explore."
    MCLMC = "mclmc", "Microcanonical Langevin: constant speed, gradients bend the path; needs all examples, unadjusted."
    HMC = (
        "hmc",
        "Hamiltonian trajectories that are accepted or refused: exact at any step size, and so the check of the "
        "others; a step is a whole trajectory, and needs all examples.",
    )


class Schedule(_Choice):
    """How SGLD's step size goes on."""

    CONSTANT = "constant", "The same step throughout, and its small bias."
    DECAYING = (
        "decaying",
        "Step t is eps (1 + t / b)^-0.55, b the steps of burn-in or 1: the bias falls, and exploring slows down. Draws "
        "are kept at equal intervals of the sum of steps, so that each counts the same (Welling and Teh, 2011).",
    )


#: Their energy is that of all examples; a minibatch's noise in it they would take for slope.
FULL_BATCH = frozenset({Algorithm.HMC, Algorithm.MCLMC})


class Device(_Choice):
    """Where the run computes."""

    AUTO = "auto", "The GPU when there is one, else the processor; the run records which it was."
    CPU = "cpu", "The processor."
    CUDA = "cuda", "The GPU; the run is refused where there is none."


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_enum_values=False)


def _split_commas(value: Any) -> Any:
    """Let the command line and the address bar write a list as `a,b,c`."""
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return value


def _none_word(value: Any) -> Any:
    """Let the command line and the address bar write `none` for a value that is left to the program."""
    return None if isinstance(value, str) and value.strip().lower() in ("none", "null", "") else value


def _auto_word(value: Any) -> Any:
    """Let them write `auto`, too, for a value that is tuned."""
    return None if isinstance(value, str) and value.strip().lower() == "auto" else _none_word(value)


Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NonNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
# Bounds on both sides wherever float32 could underflow to nothing or overflow.
Weight = Annotated[float, Field(ge=0, le=1e6, allow_inf_nan=False)]
Numbers = Annotated[tuple[Weight, ...] | None, BeforeValidator(_split_commas), BeforeValidator(_none_word)]
# From below, so that logits divided by a temperature stay finite in float32.
TEMPERATURE_LIMITS = (0.01, 100.0)
Temperature = Annotated[float, Field(ge=TEMPERATURE_LIMITS[0], le=TEMPERATURE_LIMITS[1], allow_inf_nan=False)]
Temperatures = Annotated[tuple[Temperature, ...] | None, BeforeValidator(_split_commas), BeforeValidator(_none_word)]
Widths = Annotated[
    tuple[Annotated[int, Field(ge=1, le=4096)], ...], BeforeValidator(_split_commas), Field(max_length=6)
]
Channels = Annotated[
    tuple[Annotated[int, Field(ge=1, le=256)], ...], BeforeValidator(_split_commas), Field(min_length=1, max_length=4)
]


class PriorConfig(_Part):
    """The teacher-informed mixture prior (arXiv 2605.27967)."""

    rule: WeightRule = Field(WeightRule.INVERSE_ENTROPY, description="How entropies become weights.")
    base_weights: Numbers = Field(
        None,
        description="Base weight (rho) of each teacher, in the teachers' order, rescaled to sum to 1; none: all equal.",
    )
    entropy_temperatures: Temperatures = Field(
        None,
        description="Temperature (tau) of each teacher's entropy, and of all it says where teachers are calibrated, in "
        "the teachers' order; none: 1 for all.",
    )
    calibrated_teachers: bool = Field(
        False,
        description="Divide each teacher's logits by its entropy temperature wherever the prior hears them, not in its "
        "entropy alone. With temperatures fitted on labels that no teacher was trained on, the student learns from "
        "calibrated teachers (Guo et al., 2017).",
    )
    sharpness: Annotated[float, Field(ge=1e-6, le=1e6, allow_inf_nan=False)] = Field(
        1.0, description="Sharpness (beta) of the softmin rule, in nats."
    )
    concentration: Annotated[float, Field(ge=1e-3, le=1e4, allow_inf_nan=False)] = Field(
        18.0,
        description="Concentration (lambda): how sharply the prior gathers around each teacher. About 2 per class.",
    )
    temperature: Temperature = Field(
        2.0, description="Distillation temperature (T): softens student and teachers alike before they are compared."
    )
    strength: Annotated[NonNegative, Field(le=100)] = Field(
        1.0, description="Prior strength (alpha): how many times the teachers' prior counts; 0 is no distillation."
    )

    @field_validator("base_weights")
    @classmethod
    def _some_weight(cls, value: tuple[float, ...] | None) -> tuple[float, ...] | None:
        if value is not None and not sum(value) >= 1e-6:
            raise ValueError("at least one number should be positive, and their sum at least 1e-6")
        return value

    @property
    def heeds_entropy_temperatures(self) -> bool:
        """Whether they change anything: fixed weights look at no entropy."""
        return self.calibrated_teachers or self.rule is not WeightRule.FIXED


class StudentConfig(_Part):
    """The small network that learns."""

    kind: StudentKind = Field(StudentKind.MLP, description="Architecture.")
    hidden: Widths = Field((32,), description="Width of each hidden layer of the MLP; the other students ignore it.")
    channels: Channels = Field((8, 16), description="Channels of each convolution of the CNN; the others ignore them.")
    first_map: int = Field(
        7,
        ge=2,
        le=64,
        description="Pixels on a side that the map of the CNN's first convolution has at least; its stride is a whole "
        "number, so it may have more. On a finer one the student sees more, and a step takes longer. At most the "
        "picture's shorter side. The others ignore it.",
    )
    weight_scale: Annotated[Positive, Field(le=100)] = Field(
        0.6, description="Prior standard deviation (sigma) of every weight and bias."
    )


class SamplerConfig(_Part):
    """How the posterior is explored."""

    algorithm: Algorithm = Field(Algorithm.BAOAB, description="Sampler.")
    chains: int = Field(16, ge=1, le=1024, description="Students that are sampled side by side (S).")
    draws: int = Field(100, ge=4, le=5000, description="Draws kept per chain (D).")
    thinning: int = Field(20, ge=1, le=1000, description="Sampler steps per kept draw.")
    warm_start_steps: int = Field(200, ge=0, le=100_000, description="Adam steps of each chain's anchored warm start.")
    burn_in: int = Field(100, ge=0, le=1_000_000, description="Sampler steps thrown away after the warm start.")
    step_size: Annotated[Annotated[Positive, Field(le=10)] | None, BeforeValidator(_auto_word)] = Field(
        None, description="Step size in whitened coordinates; none or auto: tuned on short Hamiltonian trajectories."
    )
    friction: Annotated[Positive, Field(le=1000)] = Field(
        0.2,
        description="How fast BAOAB's momentum and MCLMC's direction are renewed, per unit of time: MCLMC's "
        "decoherence length L is sqrt(parameters x temperature) / friction.",
    )
    batch_size: Annotated[Annotated[int, Field(ge=1)] | None, BeforeValidator(_none_word)] = Field(
        None,
        description="Examples per gradient; none: all of them. BAOAB on minibatches is SGHMC; HMC and MCLMC need all.",
    )
    warm_start_batch_size: Annotated[Annotated[int, Field(ge=1)] | None, BeforeValidator(_none_word)] = Field(
        None,
        description="Examples per gradient of the warm start and of rivals' networks, all where there are fewer; none: "
        "those of batch_size.",
    )
    schedule: Schedule = Field(Schedule.CONSTANT, description="How SGLD's step size goes on; SGLD alone has it.")
    leapfrog_steps: int = Field(
        8, ge=1, le=1000, description="Gradients of an HMC trajectory, which is one sampler step; HMC alone has it."
    )
    temperature: Temperature = Field(
        1.0,
        description="Posterior temperature: the density sampled is exp(log joint / temperature). 1 is Bayes, less is a "
        "cold posterior (Wenzel et al., 2020).",
    )
    bias_check: bool = Field(
        False,
        description="After sampling, hold the draws against exact HMC from where the chains ended: it tells a bias of "
        "the step, which R-hat does not, and takes about as many gradients as the sampling. HMC itself needs none.",
    )


#: Settings of the prior that hold one number for each teacher.
PER_TEACHER = ("base_weights", "entropy_temperatures")


class RunConfig(_Part):
    """Everything that determines a run; equal configurations give equal results on equal data."""

    task: str = Field("digits", min_length=1, max_length=64, description="What is learned.")
    teachers: Annotated[tuple[str, ...], BeforeValidator(_split_commas), Field(min_length=1, max_length=32)] = Field(
        ("digits-0-4", "digits-5-9", "even-digits"),
        description="Who teaches; one to 32 different teachers of the task.",
    )
    prior: PriorConfig = Field(default_factory=PriorConfig)
    student: StudentConfig = Field(default_factory=StudentConfig)
    sampler: SamplerConfig = Field(default_factory=SamplerConfig)
    seed: int = Field(0, ge=0, lt=2**31, description="Seed of the chains: their starts and their noise.")
    split_seed: int = Field(0, ge=0, lt=2**31, description="Seed of the data split and of the teachers' training.")
    n_train: Annotated[Annotated[int, Field(ge=4, le=20_000)] | None, BeforeValidator(_none_word)] = Field(
        None, description="Labelled examples that the student gets; none: as many as the task says."
    )
    n_unlabelled: int = Field(
        0,
        ge=0,
        le=20_000,
        description="Examples without a label that the student is shown too: of them the teachers alone speak. "
        "Not every task has some.",
    )
    device: Device = Field(Device.AUTO, description="Where to compute.")

    @property
    def n_heard(self) -> int:
        """Examples without a label that change anything: of them nobody speaks where no teacher is heard."""
        return self.n_unlabelled if self.prior.strength else 0

    @property
    def unchecked(self) -> Self:
        """The same draws without the check for bias, for where only scores are asked for."""
        return self.model_copy(update={"sampler": self.sampler.model_copy(update={"bias_check": False})})

    @model_validator(mode="after")
    def _one_number_per_teacher(self) -> Self:
        if len(set(self.teachers)) != len(self.teachers):
            raise ValueError(f"teachers must differ from one another, got {', '.join(self.teachers)}")
        for name in PER_TEACHER:
            values = getattr(self.prior, name)
            if values is not None and len(values) != len(self.teachers):
                raise ValueError(
                    f"prior.{name} needs one number for each of the {len(self.teachers)} teachers, got {len(values)}"
                )
        return self

    @model_validator(mode="after")
    def _all_examples_where_needed(self) -> Self:
        algorithm, batch_size = self.sampler.algorithm, self.sampler.batch_size
        if algorithm in FULL_BATCH and batch_size is not None:
            raise ValueError(f"sampler.batch_size: got {batch_size}, but {algorithm} needs all examples; allowed: none")
        return self

    @model_validator(mode="after")
    def _exact_needs_no_check(self) -> Self:
        if self.sampler.bias_check and self.sampler.algorithm is Algorithm.HMC:
            raise ValueError(
                "sampler.bias_check: got true, but hmc is exact, and is what others are held against; allowed: false"
            )
        return self


#: Settings by name, as overrides of the defaults. `paper` is what the paper's published code uses.
PRESETS: Mapping[str, Mapping[str, str]] = {
    "default": {},
    "paper": {
        "prior.strength": "0.02",
        "prior.concentration": "5",
        "prior.temperature": "2",
        "prior.entropy_temperatures": "none",
        "prior.calibrated_teachers": "False",
    },
}


def build_config(
    overrides: Iterable[tuple[str, Any]] = (), *, base: RunConfig | None = None, preset: str = "default"
) -> RunConfig:
    """Make a configuration from `base` (or the defaults), a preset, and overrides such as ("prior.strength", "0.5").

    Where the teachers change, those that stay keep their base weights and entropy temperatures.

    The one way in for whatever a person wrote: `--set` on the command line, the address bar, and forms.

    Raises:
        ConfigError: one line that names the field, the value and what is allowed.
    """
    if preset not in PRESETS:
        raise ConfigError(f"preset: got {preset!r}, allowed: {', '.join(PRESETS)}")
    values: dict[str, Any] = (base or RunConfig()).model_dump(mode="json")
    fields = field_names()
    changes = [*PRESETS[preset].items(), *overrides]
    for name, value in changes:
        if name not in fields:
            raise ConfigError(f"{name}: no such setting; allowed: {', '.join(fields)}")
        target = values
        *parents, leaf = name.split(".")
        for parent in parents:
            target = target[parent]
        target[leaf] = value
    given = {name for name, _ in changes}
    if base is not None and "teachers" in given:
        for leaf in (leaf for leaf in PER_TEACHER if f"prior.{leaf}" not in given):
            values["prior"][leaf] = _followed(getattr(base.prior, leaf), base.teachers, values["teachers"])
    return parse_config(values)


def _followed(numbers: tuple[float, ...] | None, before: Sequence[str], now: Any) -> list[float] | None:
    """One number for each of other teachers: a teacher keeps its own, a new one gets 1; none where all would be 0."""
    names = _split_commas(now)
    if numbers is None or not isinstance(names, list | tuple):
        return None  # what is no list is refused for that
    found = [numbers[before.index(name)] if name in before else 1.0 for name in names]
    return found if any(found) else None


def parse_config(values: str | bytes | Mapping[str, Any]) -> RunConfig:
    """Validate JSON text or a mapping; errors as in `build_config`."""
    try:
        if isinstance(values, (str, bytes)):
            values = json.loads(values)
        return RunConfig.model_validate(values)
    except ValidationError as error:
        raise ConfigError(describe(error)) from None
    except (ValueError, RecursionError) as error:  # not text, not JSON, nested too deep, or a number of 5,000 digits
        raise ConfigError(f"configuration: not valid JSON ({error})") from None


def describe(error: ValidationError) -> str:
    """The first problem of a pydantic error as one line: field, value, what is allowed."""
    first = error.errors()[0]
    name = ".".join(str(part) for part in first["loc"])
    message = first["msg"].removeprefix("Value error, ")
    message = message[:1].lower() + message[1:]
    more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
    if first["type"] == "value_error" and not name:
        return message + more
    shown = repr(first["input"])
    shown = shown if len(shown) <= 80 else shown[:77] + "..."
    return f"{name or 'configuration'}: got {shown}, {message}{more}"


def flatten(config: RunConfig, *, only_changed: bool = False, base: RunConfig | None = None) -> dict[str, str]:
    """Dotted name -> text, the inverse of `build_config`; `only_changed`: what differs from `base`, or the defaults."""

    def walk(values: Mapping[str, Any], prefix: str) -> Iterable[tuple[str, str]]:
        for key, value in values.items():
            if isinstance(value, dict):
                yield from walk(value, f"{prefix}{key}.")
            elif value is None:
                yield f"{prefix}{key}", "none"
            elif isinstance(value, (list, tuple)):
                yield f"{prefix}{key}", ",".join(str(item) for item in value)
            else:
                yield f"{prefix}{key}", str(value)

    flat = dict(walk(config.model_dump(mode="json"), ""))
    if only_changed:
        defaults = flatten(base or RunConfig())
        flat = {name: text for name, text in flat.items() if defaults[name] != text}
    return flat


def field_names() -> tuple[str, ...]:
    """Every setting's dotted name, in order."""
    return tuple(flatten(RunConfig()))


def field_help(name: str) -> str:
    """The one-line description of a setting by its dotted name; the app shows it as the widget's help."""
    model: type[BaseModel] = RunConfig
    *parents, leaf = name.split(".")
    for parent in parents:
        model = model.model_fields[parent].annotation  # type: ignore[assignment]
    return model.model_fields[leaf].description or ""
