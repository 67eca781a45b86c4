"""The checkout of this project that the platform is built and deployed from."""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from ao_workflows import __version__
from ao_workflows.errors import UsageError


@dataclass(frozen=True, slots=True)
class Checkout:
    """A clone of the project's repository, or an unpacked release of it."""

    root: Path

    @property
    def docker(self) -> Path:
        """The folder with the Dockerfile, the compose file and what they need."""
        return self.root / "airflow-docker"

    @property
    def compose_file(self) -> Path:
        """The stack as it is shipped."""
        return self.docker / "docker-compose.yml"

    @property
    def templates(self) -> Path:
        """What the operator's own files are at first."""
        return self.docker / "templates"

    def lock(self, name: str) -> Path:
        """Return the pinned requirements of this name, such as ``platform``."""
        return self.root / "requirements" / f"{name}.txt"

    def revision(self) -> str:
        """Return the commit that is checked out, with ``-changed`` if files differ from it; the version without git."""
        found = self._git("rev-parse", "--short=12", "HEAD").strip()
        if not found:
            return __version__
        return f"{found}-changed" if self._git("status", "--porcelain", "--untracked-files=no").strip() else found

    def _git(self, *words: str) -> str:
        try:
            done = subprocess.run(
                ["git", "-C", str(self.root), *words], check=False, text=True, capture_output=True, timeout=30
            )
        except (OSError, subprocess.TimeoutExpired):
            return ""
        return done.stdout if done.returncode == 0 else ""


def find_checkout(folder: Path | None = None) -> Checkout:
    """Return the checkout in ``folder``, or the one that this program runs from.

    :raises UsageError: (``not-a-checkout``) if there is none.
    """
    root = folder.absolute() if folder is not None else Path(__file__).absolute().parents[3]
    checkout = Checkout(root)
    if not os.path.isfile(checkout.compose_file) or not os.path.isfile(root / "pyproject.toml"):
        raise UsageError(
            f"{root} is no checkout of ao-workflows: it has no airflow-docker/docker-compose.yml.",
            action="Run airflow-docker/build-bdrc-airflow.sh or tools/ao of a checkout, or name one with --source.",
            code="not-a-checkout",
        )
    return checkout
