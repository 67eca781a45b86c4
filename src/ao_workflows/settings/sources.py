"""Reading the settings: defaults, ``ao.toml`` and its overlay, ``AO_…`` variables, secret files; the later one wins."""

import json
import os
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from ao_workflows.errors import SystemFailed, UsageError
from ao_workflows.settings.explained import leaves, nearest_key, nearest_variable, shown, variables
from ao_workflows.settings.model import Settings, expand_home

CONFIG_VARIABLE = "AO_CONFIG"
"""The environment variable that names the configuration file."""

OVERLAY_VARIABLE = "AO_CONFIG_OVERLAY"
"""The environment variable that names a second configuration file, which wins over the first and need not be there."""

SECRETS_VARIABLE = "AO_SECRETS_DIR"
"""The environment variable that names the folder of secret files, ``/run/secrets`` when unset."""

_PREFIX = "ao_"


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


class _Variables(EnvSettingsSource):
    """Variables by name, from the environment or from files with such names.

    :param values: each variable's value by its name in lower case.
    :param names: how to name each to a person.
    """

    def __init__(self, settings_cls: type[BaseSettings], values: Mapping[str, str], names: Mapping[str, str]) -> None:
        super().__init__(settings_cls)
        self.names = names
        # A variable that is set to nothing is as good as unset: that is how compose files pass on what they have not.
        self.env_vars = {name: value for name, value in values.items() if value}

    def decode_complex_value(self, field_name: str, field: FieldInfo, value: Any) -> Any:
        """Return the JSON in ``value``. :raises UsageError: naming the variable, if it is none."""
        try:
            return super().decode_complex_value(field_name, field, value)
        except (json.JSONDecodeError, RecursionError) as error:
            name = next(name for name, text in self.env_vars.items() if text is value)
            raise UsageError(
                f"{self.names[name]} is not JSON: {error}.",
                action="""Write a list as ["a", "b"] and a table as {"key": "value"}.""",
                code="config-invalid",
            ) from error

    def origin_of(self, key: str) -> str:
        """Return what set ``key``: the variable of its own, or that of its section."""
        parts = key.split(".")
        candidates = [f"{_PREFIX}{'__'.join(parts[:length])}" for length in range(len(parts), 0, -1)]
        return next((self.names[name] for name in candidates if name in self.env_vars), key)


class _File(InitSettingsSource):
    """The settings of one configuration file."""

    def __init__(self, settings_cls: type[BaseSettings], path: Path) -> None:
        super().__init__(settings_cls, _read_toml(path))
        self.path = path

    def origin_of(self, key: str) -> str:
        """Return what set ``key``: this file."""
        del key
        return str(self.path)


class _Reader(BaseSettings, Settings):
    """The settings, read from this process's surroundings."""

    model_config = SettingsConfigDict(
        extra="forbid", env_prefix=_PREFIX, env_nested_delimiter="__", frozen=True, hide_input_in_errors=True
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
        return tuple(_sources(settings_cls))


def config_file() -> Path | None:
    """Return the configuration file in force: ``AO_CONFIG``, ``./ao.toml`` or ``/etc/ao/ao.toml``, or ``None``.

    :raises UsageError: if ``AO_CONFIG`` names a file that is not there.
    """
    named = os.environ.get(CONFIG_VARIABLE)
    if named:
        path = expand_home(Path(named))
        if not path.is_file():
            raise UsageError(
                f"{CONFIG_VARIABLE} names {path}, which is not a file.",
                action="Correct the variable or create the file.",
                code="config-missing",
            )
        return path
    return next((path for path in (Path("ao.toml"), Path("/etc/ao/ao.toml")) if path.is_file()), None)


def overlay_file() -> Path | None:
    """Return the file that ``AO_CONFIG_OVERLAY`` names, ``None`` while there is none."""
    named = os.environ.get(OVERLAY_VARIABLE)
    path = expand_home(Path(named)) if named else None
    return path if path is not None and path.is_file() else None


def settings_from_file(path: Path) -> Settings:
    """Return the settings that ``path`` alone gives, whatever the environment says.

    :raises UsageError: naming the key and what is wrong with it. :raises SystemFailed: if the file cannot be read.
    """
    try:
        return Settings.model_validate(_read_toml(path))
    except ValidationError as error:
        raise _invalid(error, lambda _: str(path)) from error


def load_settings() -> Settings:
    """Read and check the settings.

    :raises UsageError: naming the file or variable, the key and what is wrong with it.
    :raises SystemFailed: if a file cannot be read.
    """
    try:
        settings = _Reader()
    except ValidationError as error:
        origins = _origins()
        raise _invalid(error, lambda key: _origin_in(origins, key)) from error
    secret_credentials = _secrets_folder() / "aws"
    if settings.aws.credentials_file is None and secret_credentials.is_file():
        aws = settings.aws.model_copy(update={"credentials_file": secret_credentials})
        settings = settings.model_copy(update={"aws": aws})
    return settings


def explain_settings(settings: Settings) -> list[EffectiveValue]:
    """Return every setting of ``settings`` with the place it came from, in the order of the reference."""
    origins = _origins()
    if settings.aws.credentials_file == _secrets_folder() / "aws":
        origins.setdefault("aws.credentials_file", "found among the secret files")
    return [EffectiveValue(key, shown(value), origins.get(key, "default")) for key, value in leaves(settings)]


def _sources(settings_cls: type[BaseSettings]) -> list[_Variables | _File]:
    """Return the places settings are read from, strongest first."""
    environment = {name.lower(): name for name in os.environ if name.lower().startswith(_PREFIX)}
    _refuse_unknown({name: f"the environment variable {given}" for name, given in environment.items()})
    secrets = _secret_files()
    _refuse_unknown({name: f"the secret file {path}" for name, path in secrets.items()})
    sources: list[_Variables | _File] = [
        _Variables(
            settings_cls,
            {name: _read_text(path).strip() for name, path in secrets.items()},
            {name: f"secret file {path}" for name, path in secrets.items()},
        ),
        _Variables(
            settings_cls,
            {name: os.environ[given] for name, given in environment.items()},
            {name: f"environment {given}" for name, given in environment.items()},
        ),
    ]
    sources += [_File(settings_cls, file) for file in (overlay_file(), config_file()) if file is not None]
    return sources


def _origins() -> dict[str, str]:
    """Return by its key what set each value that is not a default."""
    origins: dict[str, str] = {}
    for source in reversed(_sources(_Reader)):
        for key, _ in leaves(source()):
            origins[key] = source.origin_of(key)
    return origins


def _origin_in(origins: Mapping[str, str], key: str) -> str:
    """Return what set ``key``, or the nearest thing that it is a part of (a list is set as one)."""
    while key:
        if key in origins:
            return origins[key]
        inside = {origin for known, origin in origins.items() if known.startswith(f"{key}.")}
        if inside:
            return " or ".join(sorted(inside))
        key = key.rpartition(".")[0]
    return "the settings"


def _secret_files() -> dict[str, Path]:
    """Return the secret files that are ours, by name in lower case; those of other programs are not looked into."""
    folder = _secrets_folder()
    try:
        found = sorted(folder.iterdir())
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise UsageError(
            f"{folder}: {error.strerror}.",
            action=f"Let {SECRETS_VARIABLE} name a folder that this user may list.",
            code="config-invalid",
        ) from error
    return {path.name.lower(): path for path in found if path.name.lower().startswith(_PREFIX) and path.is_file()}


def _refuse_unknown(names: Mapping[str, str]) -> None:
    """Refuse what looks like a setting and is none: pydantic-settings finds typos inside sections only."""
    known = variables() | {name.lower() for name in (CONFIG_VARIABLE, OVERLAY_VARIABLE, SECRETS_VARIABLE)}
    for name, what in names.items():
        hint = nearest_variable(name, known)
        # Other programs may begin their variables with AO_, too, but not with two underscores and not so like ours.
        if name not in known and (hint or "__" in name):
            raise UsageError(
                f"There is no setting for {what}{hint}.",
                action="Correct its name, or remove it.",
                code="config-invalid",
            )


def _secrets_folder() -> Path:
    return Path(os.environ.get(SECRETS_VARIABLE) or "/run/secrets")


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(_read_text(path))
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise UsageError(
            f"{path} is not valid TOML: {error}.", action="Correct that line.", code="config-invalid"
        ) from error


def _read_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise UsageError(
            f"{path} is not text in UTF-8: see byte {error.start + 1}.",
            action="Save it again as UTF-8.",
            code="config-invalid",
        ) from error
    except OSError as error:
        raise SystemFailed(
            f"{path}: {error.strerror}.", action="Let this user read the file.", code="config-unreadable"
        ) from error


def _invalid(error: ValidationError, origin_of: Callable[[str], str]) -> UsageError:
    problems, origins = [], []
    for detail in error.errors(include_input=False, include_url=False):
        key = ".".join(str(part) for part in detail["loc"])
        is_unknown = detail["type"] == "extra_forbidden"
        message = (
            f"there is no such setting{nearest_key(detail['loc'])}"
            if is_unknown
            else detail["msg"].removeprefix("Value error, ")
        )
        problems.append(f"{key}: {message}")
        origins.append(origin_of(key))
    return UsageError(
        f"The settings are wrong: {'; '.join(problems)}.",
        action=f"Correct {', '.join(dict.fromkeys(origins))}.",
        code="config-invalid",
    )
