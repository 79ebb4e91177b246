"""How a model is trained: every default with its unit and reason. No torch here."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, fields
from types import NoneType, UnionType
from typing import Any, Literal, get_args, get_type_hints

from unrolled.errors import SettingError

OptimizerName = Literal["adam", "adamw", "sgd", "rmsprop", "adagrad"]
ScheduleName = Literal["constant", "linear", "cosine"]
OmegaForm = Literal["paper", "released"]
_CHOICES = {"optimizer": OptimizerName, "schedule": ScheduleName, "omega_form": OmegaForm}
_TYPES = {
    int: ("a whole number (int)", int),
    float: ("a number (int or float)", (int, float)),
    bool: ("True or False", bool),
    str: ("a text (str)", str),
}
"""By the type of a field what is wanted, and what serves as it."""

_LEAST = {1: "more than 0", 0: "0 or more"}
MOST_THREADS = 1024  # more than any machine that this will run on has
MOST_SEEDS = 2**63  # torch's generators take no larger numbers
LATER = {"later": True}  # marks a field that runs of before do not hold: they take its default


@dataclass(frozen=True)
class TrainSettings:
    """Budget, optimizer, clipping, evaluation and saving: the same for every task."""

    minutes: float | None = None
    """Stop after this long. Without any budget: 5 minutes."""

    epochs: float | None = None
    """Stop after so many passes over the training part."""

    steps: int | None = None
    """Stop after so many optimizer steps."""

    optimizer: OptimizerName = "adam"
    """Update rule. Adagrad starts from min-char-rnn's 1e-8 inside its root."""

    learning_rate: float = 1e-2
    """Step size at the top of the schedule; as suits minutes of training, 2e-3 suits hours."""

    weight_decay: float = 0.0
    """Decay of all weights, for adamw (decoupled) and sgd."""

    momentum: float = 0.9
    """Momentum of sgd and rmsprop."""

    schedule: ScheduleName = "cosine"
    """How the learning rate falls over the budget, to a hundredth of its top."""

    warmup_steps: int = 50
    """Steps over which the learning rate rises to its top."""

    clip_norm: float = 1.0
    """Greatest norm of the gradient over all parameters together (Pascanu et al. 2013); 0: off."""

    clip_value: float = 0.0
    """Greatest size of each number of the gradient, as in min-char-rnn; 0: off."""

    omega: float = field(default=0.0, metadata=LATER)
    """Weight of Omega (Pascanu et al. 2013), which asks of each step of a plain rnn that gradients
    go back through it neither fainter nor stronger; they took 2 in their released code. 0: off."""

    omega_form: OmegaForm = field(default="paper", metadata=LATER)
    """Omega as the paper has it, or as its released code: of squared norms, the mean over steps."""

    evaluate_every: int = 250
    """Steps between evaluations on the validation part."""

    patience: int = 0
    """Stop when so many evaluations in a row bring nothing better; 0: never."""

    log_every: int = 20
    """Steps between lines of metrics.jsonl."""

    save_seconds: float = 30.0
    """Seconds between checkpoints; at most this much is lost to a kill."""

    keep: int = 2
    """Newest checkpoints kept, besides the best."""

    seed: int = 0
    """Of everything random, 0 or more: the same seed gives the same run on the same machine."""

    device: str = "auto"
    """Where to compute: auto (a GPU if there is one), cpu, cuda, cuda:1, mps."""

    threads: int = 0
    """CPU threads; 0: torch's choice."""

    lens: bool = field(default=False, metadata=LATER)
    """Log at each evaluation how far back gradients reach, and how large parameters and their
    updates are (lines of kind "lens" in metrics.jsonl)."""

    tensorboard: bool = False
    """Write TensorBoard's files into RUN/tensorboard as well (extra: unrolled[tensorboard])."""

    def __post_init__(self) -> None:
        check_types(self)
        budgets = {"minutes": self.minutes, "epochs": self.epochs, "steps": self.steps}
        for name, value in budgets.items():
            if value is not None and not value > 0:
                raise SettingError(name=name, got=value, wanted="more than 0")
        for name in ("learning_rate", "evaluate_every", "log_every", "keep"):
            if not 0 < getattr(self, name) < float("inf"):
                raise SettingError(name=name, got=getattr(self, name), wanted="more than 0")
        finite = ("weight_decay", "momentum", "warmup_steps", "clip_norm", "clip_value", "omega")
        for name in finite:
            if not 0 <= getattr(self, name) < float("inf"):
                raise SettingError(name=name, got=getattr(self, name), wanted="0 or more")
        for name in ("patience", "save_seconds", "threads"):
            if not getattr(self, name) >= 0:
                raise SettingError(name=name, got=getattr(self, name), wanted="0 or more")
        if self.threads > MOST_THREADS:
            raise SettingError(name="threads", got=self.threads, wanted=f"{MOST_THREADS} at most")
        _check_choices(self)
        check_seed(self.seed)

    def budget(self) -> dict[str, float]:
        """The limits in force: those given, or 5 minutes."""
        limits = {"minutes": self.minutes, "epochs": self.epochs, "steps": self.steps}
        given = {name: value for name, value in limits.items() if value is not None}
        return given or {"minutes": 5.0}


def check_sizes(settings: Any, largest: Mapping[str, int], *, least: int = 1) -> None:
    """Refuse sizes that are none, or beyond what any machine that runs this can train.

    Args:
        settings: What has them.
        largest: By name what each may be at most.
        least: And at least: 1, or 0 where that means that there is none.

    Raises:
        SettingError: A size is too small, or too large.
    """
    for name, most in largest.items():
        value = getattr(settings, name)
        if not least <= value <= most:
            wanted = f"{most} at most" if value > most else _LEAST[least]
            raise SettingError(name=name, got=value, wanted=wanted)


def refuse_unused(settings: Any, choice: str, unused: Mapping[str, Collection[str]]) -> None:
    """Refuse what was set and would change nothing.

    Args:
        settings: A dataclass.
        choice: Its field that decides what is used, a Literal.
        unused: Of each of the choices, the fields that have to be as they are by default.

    Raises:
        SettingError: One was set.
    """
    chosen, choices = getattr(settings, choice), get_args(get_type_hints(type(settings))[choice])
    for each in fields(settings):
        value = getattr(settings, each.name)
        if each.name in unused[chosen] and value != each.default:
            others = [f"--{choice} {other}" for other in choices if each.name not in unused[other]]
            wanted = f"none: --{choice} {chosen} has no use for it; {' and '.join(others)} has"
            raise SettingError(name=each.name, got=value, wanted=wanted)


def check_seed(seed: int) -> None:
    """Refuse what a random generator cannot start from.

    Raises:
        SettingError: The seed is negative, or too large.
    """
    if not 0 <= seed < MOST_SEEDS:
        raise SettingError(name="seed", got=seed, wanted="a whole number from 0 to 2**63 - 1")


def check_types(settings: Any) -> None:
    """Refuse what only a program can give: flags and stored settings are of their types.

    Args:
        settings: A dataclass; numbers, truth values and texts are looked at.

    Raises:
        SettingError: One is of another type.
    """
    for name, hint in get_type_hints(type(settings)).items():
        value = getattr(settings, name)
        kind, *others = get_args(hint) if isinstance(hint, UnionType) else (hint,)
        if kind not in _TYPES or (value is None and NoneType in others):
            continue
        wanted, types = _TYPES[kind]
        if not isinstance(value, types) or (type(value) is bool) != (kind is bool):
            raise SettingError(name=name, got=f"{value!r:.60}", wanted=wanted)


def _check_choices(settings: TrainSettings) -> None:
    for name, kind in _CHOICES.items():
        value, known = getattr(settings, name), get_args(kind)
        if value not in known:
            raise SettingError(name=name, got=value, wanted=f"one of {', '.join(known)}")
