"""Settings as JSON in a run's config, and back with every value checked."""

from collections.abc import Mapping
from dataclasses import asdict, fields, is_dataclass
from pathlib import Path
from types import NoneType
from typing import Annotated, Any, Literal, TypeVar, get_args, get_origin, get_type_hints

from unrolled.errors import StoredSettingsError, UnrolledError
from unrolled.training.settings import LATER

Settings = TypeVar("Settings")


def settings_to_json(settings: Any) -> dict[str, Any]:
    """The settings as JSON values, nested dataclasses as nested objects."""
    return {name: _plain(value) for name, value in asdict(settings).items()}


def settings_from_json(kind: type[Settings], stored: Any, path: Path) -> Settings:
    """The settings that `settings_to_json` wrote.

    Args:
        kind: The dataclass.
        stored: Anything that JSON holds.
        path: The run, for the message.

    Raises:
        StoredSettingsError: A setting is missing, unknown, or has a value that cannot be. One that
            came later than the run takes its default.
    """
    if not isinstance(stored, Mapping):
        raise StoredSettingsError(path=path, problem="they are no object of settings")
    hints, own = get_type_hints(kind), fields(kind)  # pyright: ignore[reportArgumentType]
    names = [field.name for field in own]
    stored = {**{f.name: f.default for f in own if f.metadata == LATER}, **stored}
    odd = sorted(f"{name!r:.80}" for name in set(names) ^ set(stored))
    if odd:
        raise StoredSettingsError(path=path, problem=f"{', '.join(odd[:5])} missing or unknown")
    try:
        return kind(**{name: _typed(hints[name], stored[name], name, path) for name in names})
    except StoredSettingsError:
        raise
    except (UnrolledError, TypeError, ValueError, OverflowError) as error:
        raise StoredSettingsError(path=path, problem=str(error)) from error


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _plain(inner) for name, inner in value.items()}
    if isinstance(value, tuple):
        return [_plain(inner) for inner in value]
    return str(value) if isinstance(value, Path) else value


def _typed(hint: Any, value: Any, name: str, path: Path) -> Any:
    """A stored value as the field's type."""
    if get_origin(hint) is Annotated:
        hint = get_args(hint)[0]
    if is_dataclass(hint):
        assert isinstance(hint, type)
        return settings_from_json(hint, value, path)
    if get_origin(hint) is Literal:
        fits = isinstance(value, str) and value in get_args(hint)
    elif get_origin(hint) is tuple:  # JSON has lists alone
        fits = isinstance(value, list) and all(type(each) is get_args(hint)[0] for each in value)
        value = tuple(value) if fits else value
    else:
        kinds = get_args(hint) or (hint,)
        if isinstance(value, str) and Path in kinds:
            return Path(value)
        if type(value) is int and float in kinds:
            return float(value)
        fits = (NoneType if value is None else type(value)) in kinds
    if not fits:
        problem = f"{name}={value!r:.80} is of the wrong type"
        raise StoredSettingsError(path=path, problem=problem)
    return value
