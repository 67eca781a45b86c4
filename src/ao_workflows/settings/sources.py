"""Reading the settings: defaults, ``ao.toml``, ``AO_…`` of the environment, secret files; the later one wins."""

import difflib
import os
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, SecretStr, ValidationError
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    NestedSecretsSettingsSource,
    PydanticBaseSettingsSource,
    SecretsSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from ao_workflows.errors import UsageError
from ao_workflows.settings.model import Settings

CONFIG_VARIABLE = "AO_CONFIG"
"""The environment variable that names the configuration file."""

SECRETS_VARIABLE = "AO_SECRETS_DIR"
"""The environment variable that names the folder of secret files, ``/run/secrets`` when unset."""

_MASK = "********"


@dataclass(frozen=True, slots=True)
class EffectiveValue:
    """One setting as it is in force.

    :param key: ``section.key``.
    :param value: the value, secrets masked.
    :param origin: "default", or the file or environment variable that set it.
    """

    key: str
    value: Any
    origin: str


class _Reader(BaseSettings, Settings):
    """The settings, read from this process's surroundings."""

    model_config = SettingsConfigDict(
        extra="forbid", env_prefix="AO_", env_nested_delimiter="__", secrets_dir_missing="ok", frozen=True
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        del init_settings, env_settings, dotenv_settings, file_secret_settings
        return tuple(source for _, source in _sources(settings_cls))


def config_file() -> Path | None:
    """Return the configuration file in force: ``AO_CONFIG``, ``./ao.toml`` or ``/etc/ao/ao.toml``, or ``None``.

    :raises UsageError: if ``AO_CONFIG`` names a file that is not there.
    """
    named = os.environ.get(CONFIG_VARIABLE)
    if named:
        path = Path(named).expanduser()
        if not path.is_file():
            raise UsageError(
                f"{CONFIG_VARIABLE} names {path}, which is not a file.",
                action="Correct the variable or create the file.",
                code="config-missing",
            )
        return path
    return next((path for path in (Path("ao.toml"), Path("/etc/ao/ao.toml")) if path.is_file()), None)


def settings_from_file(path: Path) -> Settings:
    """Return the settings that ``path`` alone gives, whatever the environment says.

    :raises UsageError: naming the key and what is wrong with it.
    """
    try:
        return Settings.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except ValidationError as error:
        raise _invalid(error, place=str(path)) from error
    except tomllib.TOMLDecodeError as error:
        raise _not_toml(path, error) from error


def load_settings() -> Settings:
    """Read and check the settings.

    :raises UsageError: naming the file or variable, the key and what is wrong with it.
    """
    _refuse_unknown_variables()
    try:
        settings = _Reader()
    except ValidationError as error:
        raise _invalid(error, place=str(config_file() or "the AO_… variables")) from error
    except tomllib.TOMLDecodeError as error:
        raise _not_toml(config_file(), error) from error
    secret_credentials = _secrets_folder() / "aws"
    if settings.aws.credentials_file is None and secret_credentials.is_file():
        aws = settings.aws.model_copy(update={"credentials_file": secret_credentials})
        settings = settings.model_copy(update={"aws": aws})
    return settings


def explain_settings(settings: Settings) -> list[EffectiveValue]:
    """Return every setting of ``settings`` with the place it came from, in the order of the reference."""
    origins: dict[str, str] = {}
    for origin, source in reversed(_sources(_Reader)):
        for key, _ in _flatten(source()):
            origins[key] = f"{origin}{_variable_of(key)}" if origin in {"environment ", "secret "} else origin
    if settings.aws.credentials_file == _secrets_folder() / "aws":
        origins.setdefault("aws.credentials_file", "found among the secret files")
    return [EffectiveValue(key, value, origins.get(key, "default")) for key, value in _flatten(settings)]


def _sources(settings_cls: type[BaseSettings]) -> list[tuple[str, PydanticBaseSettingsSource]]:
    """Return the places settings are read from, strongest first, each with its name."""
    files = SecretsSettingsSource(settings_cls, secrets_dir=_secrets_folder())
    secrets = NestedSecretsSettingsSource(files, secrets_prefix="ao_", secrets_nested_delimiter="__")
    sources: list[tuple[str, PydanticBaseSettingsSource]] = [
        ("secret ", secrets),
        ("environment ", EnvSettingsSource(settings_cls)),
    ]
    file = config_file()
    if file is not None:
        sources.append((str(file), TomlConfigSettingsSource(settings_cls, toml_file=file)))
    return sources


def _refuse_unknown_variables() -> None:
    """Refuse ``AO_SECTON__KEY``: pydantic-settings finds typos inside a section, but not in a section's name."""
    for name in os.environ:
        section, delimiter, _ = name.removeprefix("AO_").lower().partition("__")
        if name.startswith("AO_") and delimiter and section not in Settings.model_fields:
            raise UsageError(
                f"The environment variable {name} sets nothing: there is no section {section!r}{_nearest((section,))}.",
                action="Correct or remove it.",
                code="config-invalid",
            )


def _secrets_folder() -> Path:
    return Path(os.environ.get(SECRETS_VARIABLE) or "/run/secrets")


def _variable_of(key: str) -> str:
    return "AO_" + key.upper().replace(".", "__")


def _flatten(value: BaseModel | Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield ``(section.key, value)`` of every leaf; a list is a leaf, a secret is masked."""
    items = (
        ((name, getattr(value, name)) for name in type(value).model_fields)
        if isinstance(value, BaseModel)
        else value.items()
    )
    for name, item in items:
        if isinstance(item, BaseModel | Mapping):
            yield from _flatten(item, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", _MASK if isinstance(item, SecretStr) else item


def _not_toml(path: Path | None, error: tomllib.TOMLDecodeError) -> UsageError:
    return UsageError(f"{path} is not valid TOML: {error}.", action="Correct that line.", code="config-invalid")


def _invalid(error: ValidationError, *, place: str) -> UsageError:
    problems = []
    for detail in error.errors(include_input=False, include_url=False):
        key = ".".join(str(part) for part in detail["loc"])
        hint = _nearest(detail["loc"]) if detail["type"] == "extra_forbidden" else ""
        message = "there is no such setting" if detail["type"] == "extra_forbidden" else detail["msg"]
        problems.append(f"{key}: {message}{hint}")
    return UsageError(
        f"The settings are wrong: {'; '.join(problems)}.",
        action=f"Correct {place}.",
        code="config-invalid",
    )


def _nearest(location: tuple[int | str, ...]) -> str:
    model: Any = Settings
    for part in location[:-1]:
        field = model.model_fields.get(part) if isinstance(part, str) else None
        model = field.annotation if field is not None else None
        if not (isinstance(model, type) and issubclass(model, BaseModel)):
            return ""
    close = difflib.get_close_matches(str(location[-1]), list(model.model_fields), n=1)
    return f" (did you mean {close[0]}?)" if close else ""
