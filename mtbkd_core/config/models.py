"""What a run is: one frozen, validated configuration for the app, links, files, the command line and tests."""

from __future__ import annotations

import operator
import warnings
from collections.abc import Mapping
from contextlib import suppress
from typing import Annotated, Any, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_serializer, field_validator, model_validator

from mtbkd_core.common.progress import UserError
from mtbkd_core.config.choices import (
    Algorithm,
    BiasChecking,
    Device,
    FeatureKind,
    Preconditioning,
    Schedule,
    StudentKind,
    WeightRule,
)
from mtbkd_core.config.fields import Relative, setting

#: former or short name -> name, both dotted
ALIASES: Mapping[str, str] = {
    "task": "data.task",
    "teachers": "data.teachers",
    "split_seed": "data.split_seed",
    "n_train": "data.n_labelled",
    "n_unlabelled": "data.n_unlabelled",
    "prior.sharpness": "prior.softmin_temperature",
}
#: Those of `ALIASES` that were renamed, and not only moved.
RENAMED = ("n_train", "prior.sharpness")


#: What a setting that the program chooses is called in text.
AUTO = "auto"
#: An input alias of `prior.strength`, of another unit: see `PriorConfig.labels`.
LABELS = "prior.labels"


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_enum_values=False)


def split_commas(value: Any) -> Any:
    """Read a list from text such as `a,b,c`, as the command line and links write it."""
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return value


def _none_word(value: Any) -> Any:
    """Read `none` as a value that is left to the program."""
    return None if isinstance(value, str) and value.strip().lower() in ("none", "null", "") else value


def _auto_word(value: Any) -> Any:
    """Read `auto`, too, as a value that is tuned."""
    return None if isinstance(value, str) and value.strip().lower() == "auto" else _none_word(value)


def _only_auto(value: Any) -> Any:
    """Read `auto` as a value that is chosen from the data; `none` is refused, for it could mean 0."""
    return None if isinstance(value, str) and value.strip().lower() == AUTO else value


def _in_words(value: Any) -> Any:
    """Read what is on or off as the word for it, as files and the command line write it."""
    return str(value).lower() if isinstance(value, bool | str) else value


def _some_teacher(value: Any) -> Any:
    """Read a list of teachers; a text that names none is refused."""
    names = split_commas(value)
    if isinstance(value, str) and not names:
        raise ValueError("at least 1 teacher is needed")
    return names


Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NonNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
# Bounds on both sides wherever float32 could underflow to nothing or overflow.
Weight = Annotated[float, Field(ge=0, le=1e6, allow_inf_nan=False)]
Numbers = Annotated[tuple[Weight, ...] | None, BeforeValidator(split_commas), BeforeValidator(_none_word)]
# From below, so that logits divided by a temperature stay finite in float32.
TEMPERATURE_LIMITS = (0.01, 100.0)
Temperature = Annotated[float, Field(ge=TEMPERATURE_LIMITS[0], le=TEMPERATURE_LIMITS[1], allow_inf_nan=False)]
Temperatures = Annotated[tuple[Temperature, ...] | None, BeforeValidator(split_commas), BeforeValidator(_none_word)]
Widths = Annotated[tuple[Annotated[int, Field(ge=1, le=4096)], ...], BeforeValidator(split_commas), Field(max_length=6)]
Channels = Annotated[
    tuple[Annotated[int, Field(ge=1, le=256)], ...], BeforeValidator(split_commas), Field(min_length=1, max_length=4)
]
BatchSize = Annotated[Annotated[int, Field(ge=1)] | None, BeforeValidator(_none_word)]
StepSize = Annotated[Annotated[Positive, Field(le=10)] | None, BeforeValidator(_auto_word)]
Strength = Annotated[Annotated[NonNegative, Field(le=100)] | None, BeforeValidator(_only_auto)]
#: Where a run is to go on until it is precise enough, and no precision is given.
GOOD_PRECISION = 0.005
Precision = Annotated[Annotated[float, Field(gt=0, le=0.5, allow_inf_nan=False)] | None, BeforeValidator(_none_word)]
Seconds = Annotated[Annotated[float, Field(gt=0, le=1e6, allow_inf_nan=False)] | None, BeforeValidator(_none_word)]
Gradients = Annotated[Annotated[int, Field(ge=1, le=10**9)] | None, BeforeValidator(_none_word)]
FEWEST_LABELLED = 4
Labelled = Annotated[Annotated[int, Field(ge=FEWEST_LABELLED, le=20_000)] | None, BeforeValidator(_none_word)]
Teachers = Annotated[tuple[str, ...], BeforeValidator(_some_teacher), Field(max_length=32)]


def _used(name: str) -> Any:
    """Whether the chosen rule, student or sampler uses the setting."""
    return lambda config: name in config.prior.rule.uses | config.student.kind.uses | config.sampler.algorithm.uses


class DataConfig(_Part):
    """The task, its teachers and the split of its data."""

    task: str = setting("digits", "Task", "Name of the task.", phrase="{}", field={"min_length": 1, "max_length": 64})
    teachers: Teachers = setting(
        (), "Teachers", "Names of one to 32 different teachers of the task; none: those that the task starts with."
    )
    split_seed: int = setting(
        0,
        "Split seed",
        "Seed of the data split and of the teachers' training.",
        phrase="data split {}",
        high=2**31 - 1,
        field={"ge": 0, "lt": 2**31},
    )
    n_labelled: Labelled = setting(
        None,
        "Labelled examples",
        "Labelled examples that the student learns from; none: the task's default number.",
        phrase="{} labelled examples",
        sweep=(0.25, 0.5, 0.75, 1),
        relative=Relative.LABELLED,
    )
    n_unlabelled: int = setting(
        0,
        "Unlabelled examples",
        "Examples without a label that the student learns from, too: there only the teachers' predictions count. Not "
        "every task has some.",
        phrase="{} unlabelled examples",
        sweep=(0, 0.1, 0.3, 1),
        relative=Relative.SPARE,
        field={"ge": 0, "le": 20_000},
    )
    # left out of files where there is none, so that jobs keep their names
    changes: str = setting(
        "",
        "Changes by hand",
        "Points that were added, moved or removed by hand and teachers that were changed, as the playground writes "
        "them; only the tasks on the plane can be changed.",
        phrase="changed by hand",
        field={"max_length": 4_000, "pattern": r"^[0-9a-z_*.-]*$", "exclude_if": operator.not_},
    )

    @field_validator("teachers")
    @classmethod
    def _different(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(value)) != len(value):
            raise ValueError(f"teachers must differ from one another, got {', '.join(value)}")
        return value


class PriorConfig(_Part):
    """The teacher-informed mixture prior (arXiv 2605.27967)."""

    rule: WeightRule = setting(
        WeightRule.INVERSE_ENTROPY,
        "Weight rule",
        "How the teachers' weights at an example follow from their entropies.",
        phrase="{} weights",
        sweep=tuple(WeightRule),
    )
    base_weights: Numbers = setting(
        None,
        "Base weight",
        "Base weight (rho) of each teacher, in the teachers' order, rescaled to sum to 1; none: all equal. A teacher "
        "with a larger one counts more at every example.",
        phrase="base weights {}",
        high=1.0,
        step=0.05,
        per_teacher=True,
    )
    entropy_temperatures: Temperatures = setting(
        None,
        "Entropy temperature",
        "Temperature (tau) of each teacher's entropy and, where teachers are calibrated, of its logits, in the "
        "teachers' order; none: 1 for all. A larger one makes the teacher look less certain.",
        phrase="entropy temperatures {}",
        low=0.2,
        high=5.0,
        step=0.1,
        sweep=(0.5, 1, 2, 4),
        sweep_title="Entropy temperature, all teachers",
        matters=lambda config: config.prior.uses_entropy_temperatures,
        per_teacher=True,
    )
    calibrated_teachers: bool = setting(
        False,
        "Calibrated teachers",
        "Divide each teacher's logits by its entropy temperature everywhere in the prior, not only in its entropy. "
        "With temperatures fitted on labels that no teacher was trained on, the student learns from calibrated "
        "teachers (Guo et al., 2017).",
        sweep=(False, True),
        matters=lambda config: config.prior.entropy_temperatures is not None,
    )
    softmin_temperature: Annotated[float, Field(ge=1e-6, le=1e6, allow_inf_nan=False)] = setting(
        1.0,
        "Softmin temperature",
        "Temperature (beta) of the softmin rule: near 0, only the most certain teacher counts; when it is large, the "
        "base weights alone decide.",
        phrase="softmin temperature {}",
        symbol="beta",
        unit="nats",
        low=0.05,
        high=10.0,
        step=0.05,
        logarithmic=True,
        sweep=(0.03, 0.1, 0.3, 1, 3),
        matters=_used("prior.softmin_temperature"),
    )
    concentration: Annotated[float, Field(ge=1e-3, le=1e4, allow_inf_nan=False)] = setting(
        18.0,
        "Concentration",
        "How sharply the prior gathers around each teacher's prediction. About 2 for each class is a start.",
        phrase="concentration {}",
        symbol="lambda",
        low=1.0,
        high=100.0,
        step=1.0,
        sweep=(0.25, 0.5, 1, 2, 4, 8),
        relative=Relative.CLASSES,
    )
    temperature: Temperature = setting(
        2.0,
        "Distillation temperature",
        "Softens the student's and the teachers' predictions alike before they are compared; the larger, the softer.",
        phrase="temperature {}",
        symbol="T",
        low=0.5,
        high=10.0,
        step=0.1,
        sweep=(0.5, 1, 2, 4, 8),
    )
    strength: Strength = setting(
        1.0,
        "Strength",
        "Weight of the teachers' prior. A teacher's statement at an example counts as about strength x concentration / "
        "temperature^2 labels. Larger: the student follows the teachers more; 0: no distillation; auto: chosen from "
        "the data when a run starts, with the concentration. It can be given as prior.labels, that number of labels.",
        phrase="strength {}",
        symbol="alpha",
        high=2.0,
        step=0.01,
        sweep=(0, 0.1, 0.3, 1, 3),
        relative=Relative.TASK_DEFAULT,
        unset=AUTO,
    )

    @field_validator("base_weights")
    @classmethod
    def _some_weight(cls, value: tuple[float, ...] | None) -> tuple[float, ...] | None:
        if value is not None and not sum(value) >= 1e-6:
            raise ValueError("at least one number should be positive, and their sum at least 1e-6")
        return value

    @field_serializer("strength")
    def _auto_in_words(self, value: float | None) -> float | str:
        return AUTO if value is None else value

    @property
    def known_strength(self) -> float:
        """The strength as a number.

        Raises:
            UserError: it is still to be chosen from the data.
        """
        if self.strength is None:
            raise UserError("prior.strength: auto is not chosen yet; allowed here: a number")
        return self.strength

    @property
    def labels(self) -> float:
        """What each teacher's statement counts for, in labels (nominal): strength x concentration / temperature^2.

        It is the curvature of a teacher's term in the student's logits, relative to that of a label, where the
        student agrees with the teacher and T is 1; `prior.effective_labels` tells it in general. Errors as
        `known_strength`.
        """
        return float(f"{self.known_strength * self.concentration / self.temperature**2:.12g}")

    @property
    def uses_entropy_temperatures(self) -> bool:
        """Whether they change anything: fixed weights depend on no entropy."""
        return self.calibrated_teachers or "prior.entropy_temperatures" in self.rule.uses


class StudentConfig(_Part):
    """The small network that learns."""

    kind: StudentKind = setting(StudentKind.MLP, "Student", "Architecture of the student.", phrase="{} student")
    hidden: Widths = setting(
        (32,),
        "Hidden widths",
        "Width of each hidden layer of the MLP; the other students ignore it.",
        phrase="hidden {}",
        placeholder="32, 32",
        sweep=(8, 16, 32, 64),
        sweep_title="Hidden units, one layer",
        matters=_used("student.hidden"),
    )
    channels: Channels = setting(
        (8, 16),
        "Channels",
        "Channels of each convolution of the CNN; the others ignore them.",
        phrase="channels {}",
        placeholder="8, 16",
        matters=_used("student.channels"),
    )
    first_map: int = setting(
        7,
        "First map",
        "Pixels on a side that the map of the CNN's first convolution has at least; its stride is a whole number, so "
        "it may have more. On a finer map the student sees more, and a step takes longer. At most the picture's "
        "shorter side. The others ignore it.",
        phrase="first map {}",
        unit="pixels",
        low=2,
        high=64,
        matters=_used("student.first_map"),
        field={"ge": 2, "le": 64},
    )
    features: FeatureKind = setting(
        FeatureKind.NONE,
        "Features",
        "What the student sees of an input. Features are fitted once for a data split, on the training inputs with and "
        "without labels, and stay as they are; the CNN ignores them.",
        phrase="features: {}",
        sweep=(FeatureKind.NONE, FeatureKind.KERNEL),  # patches are for pictures alone
        matters=lambda config: not config.student.kind.needs_pictures,
    )
    n_features: int = setting(
        400,
        "Number of features",
        "Principal components of the patches, or inputs of which the kernel's similarities are taken; fewer where "
        "there are fewer. With more the student sees more, and a step takes longer.",
        phrase="{} features",
        low=10,
        high=2000,
        step=50,
        sweep=(100, 200, 400, 800),
        matters=lambda config: "student.n_features" in config.student.features_used.uses,
        field={"ge": 2, "le": 4000},
    )
    weight_scale: Annotated[Positive, Field(le=100)] = setting(
        0.6,
        "Weight scale",
        "Prior standard deviation (sigma) of every weight and bias.",
        phrase="weight scale {}",
        low=0.01,
        high=100.0,
        step=0.05,
        sweep=(0.2, 0.4, 0.6, 0.8, 1.2),
    )

    @property
    def features_used(self) -> FeatureKind:
        """What the student sees: a convolutional one sees pictures, whatever `features` says."""
        return FeatureKind.NONE if self.kind.needs_pictures else self.features


class SamplerConfig(_Part):
    """How the posterior is explored."""

    algorithm: Algorithm = setting(Algorithm.BAOAB, "Algorithm", "The sampler.", phrase="{}")
    chains: int = setting(
        16,
        "Chains",
        "Students that are sampled side by side (S).",
        phrase="{} chains",
        low=4,
        high=64,
        step=4,
        field={"ge": 1, "le": 1024},
    )
    draws: int = setting(
        100,
        "Draws per chain",
        "Draws kept of each chain (D).",
        phrase="{} draws",
        low=4,
        high=5000,
        step=50,
        field={"ge": 4, "le": 5000},
    )
    thinning: int = setting(
        20,
        "Thinning",
        "Sampler steps for each draw that is kept.",
        phrase="thinning {}",
        unit="steps per draw",
        low=1,
        high=1000,
        field={"ge": 1, "le": 1000},
    )
    warm_start_steps: int = setting(
        200,
        "Warm start",
        "Adam steps of each chain's anchored warm start.",
        phrase="warm start steps {}",
        unit="steps",
        high=100_000,
        step=50,
        field={"ge": 0, "le": 100_000},
    )
    burn_in: int = setting(
        100,
        "Burn-in",
        "Sampler steps after the warm start that are discarded.",
        phrase="burn in {}",
        unit="steps",
        high=1_000_000,
        step=50,
        field={"ge": 0, "le": 1_000_000},
    )
    step_size: StepSize = setting(
        None,
        "Step size",
        "Step size in whitened coordinates; none or auto: tuned on short Hamiltonian trajectories.",
        phrase="step size {}",
        placeholder="tuned",
    )
    preconditioner: Preconditioning = setting(
        Preconditioning.AUTO,
        "Preconditioner",
        "Coordinates that the sampler runs in; the step size is that of these coordinates.",
        phrase="{} coordinates",
    )
    friction: Annotated[Positive, Field(le=1000)] = setting(
        0.2,
        "Friction",
        "How fast BAOAB's momentum and MCLMC's direction are renewed, per unit of time: MCLMC's decoherence length L "
        "is sqrt(parameters x temperature) / friction.",
        phrase="friction {}",
        low=0.01,
        high=1000.0,
        step=0.05,
        matters=_used("sampler.friction"),
    )
    batch_size: BatchSize = setting(
        None,
        "Batch size",
        "Examples per gradient; none: all of them. BAOAB on minibatches is SGHMC; HMC and MCLMC need all.",
        phrase="batch size {}",
        placeholder="all examples",
        matters=_used("sampler.batch_size"),
    )
    warm_start_batch_size: BatchSize = setting(
        None,
        "Warm start's batch size",
        "Examples per gradient of the warm start and of the baselines' networks, all where there are fewer; none: "
        "those of the sampler's batch size.",
        phrase="warm start batch size {}",
        placeholder="as the sampler's",
    )
    schedule: Schedule = setting(
        Schedule.CONSTANT,
        "Schedule",
        "Schedule of SGLD's step size; only SGLD uses it.",
        phrase="{} steps",
        matters=_used("sampler.schedule"),
    )
    leapfrog_steps: int = setting(
        8,
        "Leapfrog steps",
        "Gradients of an HMC trajectory, which is one sampler step; only HMC has it.",
        phrase="leapfrog steps {}",
        low=1,
        high=1000,
        matters=_used("sampler.leapfrog_steps"),
        field={"ge": 1, "le": 1000},
    )
    temperature: Temperature = setting(
        1.0,
        "Posterior temperature",
        "The density sampled is exp(log joint / temperature). 1 is Bayes, less is a cold posterior (Wenzel et al., "
        "2020).",
        phrase="posterior temperature {}",
        low=0.01,
        high=100.0,
        step=0.1,
        sweep=(0.1, 0.3, 1, 3),
    )
    bias_check: Annotated[BiasChecking, BeforeValidator(_in_words)] = setting(
        BiasChecking.AUTO,
        "Check for bias",
        "After sampling, compare the draws with exact HMC from where the chains ended: this finds a bias of the step, "
        "which R-hat does not, and takes about as many gradients as the sampling. HMC itself needs none.",
        phrase="check for bias: {}",
        matters=_used("sampler.bias_check"),
    )
    until: Precision = setting(
        None,
        "Precision",
        "Sampling goes on until the sampler's error of the predictive mean is at most this, as a total variation "
        "distance, or until a budget is spent; the default of such a run is 0.005, a smaller one takes longer. None: "
        "the draws that are set, unless there is a budget.",
        phrase="until precision {}",
        placeholder="none",
    )
    budget_seconds: Seconds = setting(
        None,
        "Time budget",
        "Seconds of warm start and sampling after which the run has enough draws, however many; none: no limit. Equal "
        "settings then give equal posteriors, but not equal draws.",
        phrase="{} s of sampling",
        unit="seconds",
        placeholder="none",
    )
    budget_gradients: Gradients = setting(
        None,
        "Gradient budget",
        "Gradients of a chain, burn-in included, after which the run has enough draws; none: no limit. A precision "
        "without any budget has ten times those of the draws that are set.",
        phrase="{} gradients",
        placeholder="none",
    )

    @property
    def open_ended(self) -> bool:
        """Whether a precision or a budget, and not the number of draws, says when sampling ends."""
        return (self.until, self.budget_seconds, self.budget_gradients) != (None, None, None)

    @property
    def checks_bias(self) -> bool:
        """Whether the draws are compared with exact HMC."""
        auto = self.bias_check is BiasChecking.AUTO
        return self.algorithm is Algorithm.SGLD if auto else self.bias_check is BiasChecking.ON


#: Settings of the prior that hold one number for each teacher.
PER_TEACHER = ("base_weights", "entropy_temperatures")


class RunConfig(_Part):
    """Everything that determines a run; equal configurations give equal results on equal data."""

    data: DataConfig = Field(default_factory=DataConfig)
    prior: PriorConfig = Field(default_factory=PriorConfig)
    student: StudentConfig = Field(default_factory=StudentConfig)
    sampler: SamplerConfig = Field(default_factory=SamplerConfig)
    seed: int = setting(
        0,
        "Seed",
        "Seed of the chains: their starts and their noise.",
        phrase="seed {}",
        high=2**31 - 1,
        sweep=(0, 1, 2, 3, 4),
        sweep_title="Seed of the chains",
        field={"ge": 0, "lt": 2**31},
    )
    device: Device = setting(Device.AUTO, "Device", "Where to compute.", phrase="on {}")

    @property
    def n_unlabelled_used(self) -> int:
        """Examples without a label that change anything: none at strength 0, where the teachers do not count."""
        return 0 if self.prior.strength == 0 else self.data.n_unlabelled

    def with_data(self, **changes: Any) -> Self:
        """A copy with some fields of `data` changed; what is given is not validated."""
        return self.model_copy(update={"data": self.data.model_copy(update=changes)})

    @property
    def unchecked(self) -> Self:
        """The same draws without the check for bias, where only scores are needed."""
        return self.model_copy(update={"sampler": self.sampler.model_copy(update={"bias_check": BiasChecking.OFF})})

    @model_validator(mode="before")
    @classmethod
    def _read_aliases(cls, values: Any) -> Any:
        modern, old = without_aliases(values)
        for name in old:
            if name in RENAMED:
                warnings.warn(f"{name} is now called {ALIASES[name]}", FutureWarning, stacklevel=2)
        return modern

    @model_validator(mode="after")
    def _one_number_per_teacher(self) -> Self:
        for name in PER_TEACHER if self.data.teachers else ():
            values = getattr(self.prior, name)
            if values is not None and len(values) != len(self.data.teachers):
                raise ValueError(
                    f"prior.{name} needs one number for each of the {len(self.data.teachers)} teachers, got "
                    f"{len(values)}"
                )
        return self

    @model_validator(mode="after")
    def _nothing_that_the_sampler_refuses(self) -> Self:
        algorithm, batch_size = self.sampler.algorithm, self.sampler.batch_size
        if "sampler.batch_size" not in algorithm.uses and batch_size is not None:
            raise ValueError(f"sampler.batch_size: got {batch_size}, but {algorithm} needs all examples; allowed: none")
        if "sampler.bias_check" not in algorithm.uses and self.sampler.checks_bias:
            raise ValueError(
                f"sampler.bias_check: got true, but {algorithm} is exact, and is what others are compared with; "
                "allowed: false"
            )
        return self

    @model_validator(mode="after")
    def _an_end_that_can_be_told(self) -> Self:
        sampler = self.sampler
        if sampler.until is not None and sampler.chains < 2:
            raise ValueError(f"sampler.until: got {sampler.until:g}, but one chain has no error; allowed: none")
        decaying = sampler.algorithm is Algorithm.SGLD and sampler.schedule is Schedule.DECAYING
        if sampler.open_ended and decaying:
            raise ValueError("sampler.schedule: got decaying, but a precision or a budget needs constant steps")
        return self


def without_aliases(values: Any) -> tuple[Any, list[str]]:
    """Nested settings with today's names, and the former or short names that were used; no mapping is left as it is.

    Raises:
        ValueError: a setting is given by both of its names.
    """
    if not isinstance(values, Mapping):
        return values, []
    found, old = _without_labels(dict(values)), list[str]()
    for alias, name in ALIASES.items():
        *parents, leaf = alias.split(".")
        part, new_leaf = name.split(".")
        holder = found.get(parents[0]) if parents else found
        if not isinstance(holder, Mapping) or leaf not in holder:
            continue
        holder = dict(holder)
        value = holder.pop(leaf)
        if parents:
            found[parents[0]] = holder
        else:
            found = holder
        target = found.get(part, {})
        given = target.model_fields_set if isinstance(target, BaseModel) else target
        target = target.model_dump() if isinstance(target, BaseModel) else target
        if isinstance(target, Mapping):
            if new_leaf in given:
                raise ValueError(f"{name}: given as {alias}, too; allowed: one of the two names")
            found[part] = dict(target) | {new_leaf: value}
            old.append(alias)
    return found, old


def strength_of_labels(labels: float, concentration: float, temperature: float) -> float:
    """The strength at which each teacher's statement counts as so many labels; the inverse of `PriorConfig.labels`."""
    return float(f"{labels * temperature**2 / concentration:.12g}")  # there and back gives the same number


def _without_labels(values: dict[str, Any]) -> dict[str, Any]:
    """The settings with a strength in place of `prior.labels`, by the concentration and the temperature beside it."""
    prior = values.get("prior")
    if not isinstance(prior, Mapping) or "labels" not in prior:
        return values
    prior = dict(prior)
    given = prior.pop("labels")
    if "strength" in prior:
        raise ValueError(f"{LABELS}: got {given!r}, given as prior.strength, too; allowed: one of the two")
    if given is not None and _only_auto(given) is None:
        return values | {"prior": prior | {"strength": AUTO}}
    about = PriorConfig.model_fields
    try:
        concentration, temperature = (float(prior.get(n, about[n].default)) for n in ("concentration", "temperature"))
    except (TypeError, ValueError):
        return values | {"prior": prior}  # what is no number is refused for that
    with suppress(TypeError, ValueError, OverflowError):
        strength = strength_of_labels(float(given), concentration, temperature) if concentration > 0 else 0.0
        if 0 <= strength <= 100:
            return values | {"prior": prior | {"strength": strength}}
    allowed = "a number from 0 on, with a strength (labels x temperature^2 / concentration) of at most 100, or auto"
    raise ValueError(f"{LABELS}: got {given!r}, allowed: {allowed}")
