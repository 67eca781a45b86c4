"""A deployment: the directory that a platform runs in, and what lies where in it."""

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from ao_workflows.errors import SystemFailed, UsageError
from ao_workflows.platform.envfile import read_env

Kind = Literal["dev", "prod"]

CONFIG_FILES = ("ao.toml", "airflow.cfg", "shipped-dags.ignore")
"""The operator's own files in ``config``; each begins as the template of its name."""

OVERRIDE = "docker-compose.override.yml"
"""What an operator adds to the stack, or changes in it."""

FOLDERS = ("config", "dags", "drop", "logs")
"""Folders of every deployment; settings may move the last two elsewhere."""

MARKER = ".ao-archive"
"""The file that tells that what shall be mounted as an archive root really is."""


_NOT_IN_PROJECTS = re.compile(r"[^a-z0-9_-]")


@dataclass(frozen=True, slots=True)
class Deployment:
    """A deployment's directory."""

    root: Path

    @property
    def compose_file(self) -> Path:
        """The stack."""
        return self.root / "docker-compose.yml"

    @property
    def env_file(self) -> Path:
        """What the stack asks for."""
        return self.root / ".env"

    @property
    def secrets(self) -> Path:
        """The folder of the secret files."""
        return self.root / "secrets"

    @property
    def config(self) -> Path:
        """The folder of the operator's own settings."""
        return self.root / "config"

    @property
    def state_file(self) -> Path:
        """What was deployed here: the kind, and a digest of each file as it was laid."""
        return self.root / ".deployed.json"

    def env(self) -> Mapping[str, str]:
        """Return the values of ``.env``, empty if there is none."""
        return read_env(self.env_file)

    def state(self) -> dict[str, Any]:
        """Return what is known of the last deployment, empty if there was none.

        :raises SystemFailed: if it cannot be read.
        """
        try:
            found = json.loads(self.state_file.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as error:
            raise SystemFailed(
                f"{self.state_file} cannot be read: {error}.",
                action="Let this user read it; if it is damaged, remove it: every file is then taken for your own.",
                code="deployment-failed",
            ) from error
        return found if isinstance(found, dict) else {}

    def folder(self, variable: str, default: str) -> Path:
        """Return the folder that ``.env`` names, as Compose takes it: relative to the deployment."""
        return Path(os.path.normpath(self.root / (self.env().get(variable) or default)))

    @property
    def project(self) -> str:
        """The name of this stack in Docker: that of ``.env``, or the one that follows from the directory's."""
        return self.env().get("COMPOSE_PROJECT_NAME") or f"ao-{_NOT_IN_PROJECTS.sub('-', self.root.name.lower())}"

    @property
    def compose_files(self) -> list[Path]:
        """The stack, and what the operator has laid over it, as Compose itself takes them."""
        return [path for path in (self.compose_file, self.root / OVERRIDE) if path.is_file()]

    @property
    def uid(self) -> int:
        """The user that the services run as. :raises UsageError: (``env-file``) if ``.env`` does not name one."""
        return whole_number(self.env(), "SYNC_ACCESS_UID", 1, 2**31)

    @property
    def archive_root(self) -> Path:
        """The folder of the archive's mounts on this machine."""
        return self.folder("ARCH_ROOT", "archive")

    @property
    def address(self) -> str:
        """Where the web pages are."""
        env = self.env()
        host = env.get("AIRFLOW_BIND") or "127.0.0.1"
        shown = "127.0.0.1" if host in {"0.0.0.0", "::", "[::]"} else host  # noqa: S104  # compared, not listened on
        return f"http://{shown}:{env.get('AIRFLOW_PORT') or '8080'}"


def deployment_in(folder: Path) -> Deployment:
    """Return the deployment that is, or will be, in ``folder``; Compose, too, knows it by its whole path."""
    return Deployment(Path(os.path.realpath(folder)))


def whole_number(env: Mapping[str, str], name: str, least: int, most: int) -> int:
    """Return a number of ``.env``. :raises UsageError: (``env-file``) if it is none between ``least`` and ``most``."""
    text = env.get(name, "")
    if not text.isdecimal() or not least <= int(text) <= most:
        raise UsageError(
            f"{name} in .env is {text!r}, which is no whole number from {least} to {most}.",
            action="Correct it.",
            code="env-file",
        )
    return int(text)


def find_deployment(folder: Path) -> Deployment:
    """Return the deployment in ``folder``. :raises UsageError: (``not-deployed``) if there is none."""
    deployment = deployment_in(folder)
    if not deployment.compose_file.is_file() or not deployment.env_file.is_file():
        raise UsageError(
            f"{deployment.root} is no deployment: it has no {deployment.compose_file.name} or no .env.",
            action="Create one with `ao platform deploy`, or name it with --dest.",
            code="not-deployed",
        )
    return deployment
