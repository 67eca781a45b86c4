"""Settings as people see them: their keys, their variables, their values without secrets, and what a typo meant."""

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, get_args

from pydantic import BaseModel, SecretStr

from ao_workflows.settings.model import Settings

MASK = "********"

# A password in an address: user:PASSWORD@host, or ?password=PASSWORD. Up to the last @, as a password may hold one.
_USER_PASSWORD = re.compile(r"(://[^:/@]*:)[^/]*@")
_QUERY_PASSWORD = re.compile(r"([?&]pass(?:word|wd)?=)[^&]*", re.IGNORECASE)


def leaves(value: BaseModel | Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield ``(section.key, value)`` of every setting in ``value``; a list is one setting."""
    items = (
        ((name, getattr(value, name)) for name in type(value).model_fields)
        if isinstance(value, BaseModel)
        else value.items()
    )
    for name, item in items:
        if isinstance(item, BaseModel | Mapping):
            yield from leaves(item, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", item


def shown(value: Any) -> Any:
    """Return ``value`` with its secrets masked, also those inside addresses."""
    if isinstance(value, SecretStr):
        return MASK
    if isinstance(value, str):
        return _QUERY_PASSWORD.sub(rf"\g<1>{MASK}", _USER_PASSWORD.sub(rf"\g<1>{MASK}@", value))
    if isinstance(value, BaseModel):
        fields = ((name, getattr(value, name)) for name in type(value).model_fields)
        return {name: shown(item) for name, item in fields if item is not None}
    if isinstance(value, tuple):
        return tuple(shown(item) for item in value)
    return value


def variables() -> set[str]:
    """Return the names of all variables there can be, in lower case: of each section, and of each key."""
    names = set()
    for name, field in Settings.model_fields.items():
        names.add(f"ao_{name}")
        if model := _model_in(field.annotation):
            names |= {f"ao_{name}__{key}" for key in model.model_fields}
    return names


def nearest_variable(name: str, known: Iterable[str]) -> str:
    """Return a hint at the variable that ``name`` was meant to be, empty if none is near."""
    close = difflib.get_close_matches(name, sorted(known), n=1, cutoff=0.8)
    return f" (did you mean {close[0].upper()}?)" if close else ""


def nearest_key(location: tuple[int | str, ...]) -> str:
    """Return a hint at the key that the last part of ``location`` was meant to be, empty if none is near."""
    model: type[BaseModel] | None = Settings
    for part in location[:-1]:
        if isinstance(part, int):
            continue  # the place in a list: the model is that of the list's items
        field = model.model_fields.get(part) if model else None
        model = _model_in(field.annotation) if field else None
    close = difflib.get_close_matches(str(location[-1]), list(model.model_fields) if model else [], n=1)
    return f" (did you mean {close[0]}?)" if close else ""


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """Return the table that a field is or that its list holds, ``None`` for a plain value."""
    for candidate in (annotation, *get_args(annotation)):
        if isinstance(candidate, type) and issubclass(candidate, BaseModel):
            return candidate
    return None
