"""Creating and updating a deployment: what is missing is made, what is ours is renewed, what is the operator's stays.

First everything is looked at and put down as a list of changes; then they are made, or only shown.
"""

import json
import os
import stat
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Literal

from ao_workflows import __version__
from ao_workflows.errors import UsageError
from ao_workflows.platform import secret_files
from ao_workflows.platform.build import Images
from ao_workflows.platform.changes import Change
from ao_workflows.platform.checkout import Checkout
from ao_workflows.platform.deployment import CONFIG_FILES, FOLDERS, MARKER, Deployment, Kind, whole_number
from ao_workflows.platform.envfile import values_in, with_values
from ao_workflows.platform.writing import difference_of, digest, replace_file
from ao_workflows.works import ARCHIVE_ROOTS

AIRFLOW_UID = 50000
"""The uid that Airflow's own images use; taken when root deploys and names no other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What the operator asks for; what is ``None`` stays as it is, or takes its default.

    :param accept_archive: take the archive roots for mounted, although they are empty folders.
    """

    kind: Kind | None = None
    uid: int | None = None
    arch_root: str | None = None
    images: Images | None = None
    port: int | None = None
    executor: Literal["local", "celery"] | None = None
    workers: int | None = None
    accept_archive: bool = False


def plan(checkout: Checkout, deployment: Deployment, wish: Wish, *, acting: int | None = None) -> list[Change]:
    """Return what has to be done so that ``deployment`` is as ``wish`` and this version say; nothing is done yet.

    :param acting: the uid of who deploys; by default of this process.
    :raises UsageError: if the wish cannot be fulfilled.
    """
    acting = os.geteuid() if acting is None else acting
    return list(_Planner(checkout, deployment, wish, acting).changes())


class _Planner:
    """Looks at everything there is and tells what is to be done."""

    def __init__(self, checkout: Checkout, deployment: Deployment, wish: Wish, acting: int) -> None:
        self.acting = acting
        self.checkout = checkout
        self.deployment = deployment
        self.wish = wish
        self.state = deployment.state()
        self.digests: dict[str, str] = dict(self.state.get("files", {}))
        self.kind: Kind = self._kind()
        self.env_text = self._env_text()
        self.env = values_in(self.env_text)
        self.uid = whole_number(self.env, "SYNC_ACCESS_UID", 0, 2**31)

    def changes(self) -> Iterator[Change]:
        root = self.deployment.root
        if not root.is_dir():
            yield Change("create", str(root), "the deployment's directory", lambda: root.mkdir(parents=True))
        yield from self._env()
        yield from self._files()
        yield from self._secrets()
        yield from self._folders()
        yield from self._archive()
        yield Change("keep", ".deployed.json", "what was deployed", self._write_state)

    def _kind(self) -> Kind:
        known: Kind | None = self.state.get("kind")
        kind = self.wish.kind or known
        if kind is None:
            raise UsageError(
                "It is not said what is deployed.",
                action="Add --dev (an archive of its own, to try things) or --prod (your archive's mounts).",
            )
        if known is not None and self.wish.kind not in {None, known}:
            raise UsageError(
                f"{self.deployment.root} is a deployment of the kind {known}, and stays one.",
                action="Choose another directory for the other kind.",
            )
        return kind

    def _env_text(self) -> str:
        """Return ``.env`` as it shall be: as it is, with what is wished for, and with what is missing."""
        images = self.wish.images
        zone = os.environ.get("TZ") or "UTC"
        defaults = {
            "project": self.deployment.project,
            "uid": str(self._default_uid()),
            "arch_root": "/mnt" if self.kind == "prod" else "./archive",
            "image": "bdrc-airflow:latest",
            "demo_image": "bdrc-airflow-demo:latest",
            "demo": "yes" if self.kind == "dev" else "no",
            "zone": zone,
        }
        template = (self.checkout.templates / "env").read_text(encoding="utf-8").format(**defaults)
        celery = self.wish.executor == "celery"
        wished = {
            "SYNC_ACCESS_UID": self.wish.uid,
            "ARCH_ROOT": self.wish.arch_root,
            "AO_IMAGE": images.airflow if images else None,
            "AO_DEMO_IMAGE": images.demo if images else None,
            "AIRFLOW_PORT": self.wish.port,
            "AIRFLOW_EXECUTOR": None if self.wish.executor is None else f"{'Celery' if celery else 'Local'}Executor",
            "COMPOSE_PROFILES": None if self.wish.executor is None else "celery" if celery else "",
            "WORKERS": self.wish.workers,
        }
        given = {name: str(value) for name, value in wished.items() if value is not None}
        if not self.deployment.env_file.is_file():
            return with_values(template, given)
        self._refuse_other_uid()
        text = self.deployment.env_file.read_text(encoding="utf-8")
        missing = {name: value for name, value in values_in(template).items() if name not in values_in(text)}
        return with_values(text, missing | given) if missing or given else text

    def _refuse_other_uid(self) -> None:
        """The database's files belong to the user that it was made for, and it refuses to run as another."""
        there = self.deployment.env().get("SYNC_ACCESS_UID")
        if self.wish.uid is not None and there not in {None, "", str(self.wish.uid)}:
            raise UsageError(
                f"{self.deployment.root} was made for uid {there}, and its database belongs to that user.",
                action="Make a backup, and restore it into a new directory with `ao platform restore --uid`.",
            )

    def _default_uid(self) -> int:
        return self.acting or AIRFLOW_UID

    def _env(self) -> Iterator[Change]:
        self._refuse_uid()
        file, text = self.deployment.env_file, self.env_text

        def write() -> None:
            replace_file(file, text)

        if not file.is_file():
            yield Change("create", ".env", f"the {self.kind} settings; services run as uid {self.uid}", write)
            return
        old, new = values_in(file.read_text(encoding="utf-8")), self.env
        changed = [f"{name}={value}" for name, value in new.items() if old.get(name) != value]
        if changed:
            yield Change("update", ".env", ", ".join(changed), write)

    def _refuse_uid(self) -> None:
        if self.uid == 0:
            raise UsageError(
                "SYNC_ACCESS_UID is 0: the services shall not run as root.",
                action="Name the user that owns the archive's files with --uid.",
            )
        if self.acting not in {0, self.uid}:
            raise UsageError(
                f"Files for uid {self.uid} can be made by that user or by root, not by uid {self.acting}.",
                action=f"Run this as root, or with --uid {self.acting}.",
            )

    def _files(self) -> Iterator[Change]:
        """The compose file and the operator's files: renewed where nobody has changed them."""
        if self.checkout.compose_file != self.deployment.compose_file:
            yield from self._file("docker-compose.yml", self.checkout.compose_file)
        for name in CONFIG_FILES:
            yield from self._file(f"config/{name}", self.checkout.templates / name)

    def _file(self, path: str, source: Path) -> Iterator[Change]:
        target, text = self.deployment.root / path, source.read_text(encoding="utf-8")

        def write(to: Path = target) -> None:
            to.parent.mkdir(parents=True, exist_ok=True)
            replace_file(to, text)
            self.digests[path] = digest(text)

        if not target.is_file():
            yield Change("create", path, "as shipped", write)
            return
        there = target.read_text(encoding="utf-8", errors="replace")
        laid = self.digests.get(path)
        difference = difference_of(path, there, text)
        if there == text:
            self.digests[path] = digest(text)
        elif laid == digest(there):
            yield Change("update", path, f"to version {__version__}; nobody had changed it", write, difference)
        elif laid != digest(text):
            beside = target.with_name(f"{target.name}.new")
            if not beside.is_file() or beside.read_text(encoding="utf-8") != text:
                detail = f"you have changed {path}, and so has version {__version__}: here is that one, to compare"
                yield Change("create", f"{path}.new", detail, partial(replace_file, beside, text), difference)
        else:
            yield Change("keep", path, "you have changed it", difference=difference)

    def _secrets(self) -> Iterator[Change]:
        folder = self.deployment.secrets
        if not folder.is_dir():
            yield Change("create", "secrets/", "for the services' user only", lambda: folder.mkdir(mode=0o700))
        yield self._owned("secrets/", folder, 0o700)
        for name in secret_files.NAMES:
            path = folder / name
            if not path.exists():
                maker = secret_files.MAKERS.get(name)
                detail = "made up" if maker else "a template: put in the site's own"

                def write(path: Path = path, name: str = name, maker: Callable[[], str] | None = maker) -> None:
                    text = maker() if maker else (self.checkout.templates / name).read_text(encoding="utf-8")
                    secret_files.lay_secret(path, text)

                yield Change("create", f"secrets/{name}", detail, write)
            yield self._owned(f"secrets/{name}", path, 0o600)

    def _folders(self) -> Iterator[Change]:
        places = {name: self.deployment.root / name for name in FOLDERS}
        places["drop"] = self._place("DROP_FOLDER", "drop")
        places["logs"] = self._place("LOG_FOLDER", "logs")
        for name, folder in places.items():
            if not folder.is_dir():
                detail = "a folder of the services' user"
                yield Change("create", self._shown(folder), detail, partial(folder.mkdir, parents=True, exist_ok=True))
                yield self._owned(self._shown(folder), folder, 0o775 if name == "drop" else 0o755)

    def _archive(self) -> Iterator[Change]:
        """The archive roots: made for trying; for real they are mounts, and each gets the file that tells so."""
        root = self._place("ARCH_ROOT", "archive")
        for name in ARCHIVE_ROOTS:
            folder = root / name
            if not folder.is_dir():
                if self.kind == "prod":
                    detail = f"is not there: mount {name} of the archive there, then deploy again"
                    yield Change("warn", str(folder), detail)
                    continue
                yield Change(
                    "create", self._shown(folder), "to try things", partial(folder.mkdir, parents=True, exist_ok=True)
                )
                yield self._owned(self._shown(folder), folder, 0o755)
            marker = folder / MARKER
            if os.path.lexists(marker):
                continue
            if self.kind == "dev" or self.wish.accept_archive or _is_mounted(folder):
                detail = "tells that this archive root is mounted"
                yield Change("create", self._shown(marker), detail, partial(self._lay_marker, marker, name))
            else:
                detail = "is on the system's own disk: nothing is mounted there; if that is right, add --accept-archive"
                yield Change("warn", str(folder), detail)

    def _lay_marker(self, path: Path, name: str) -> None:
        moment = datetime.now(UTC).isoformat(timespec="seconds")
        text = f"This is {name} of the archive; ao-workflows looks for this file to see that it is mounted. {moment}\n"
        try:
            path.write_text(text, encoding="utf-8")
        except PermissionError:
            if self.acting != 0:
                raise
            # On a network mount, root may be nobody.
            write = ["sh", "-c", 'cat > "$1"', "sh", str(path)]
            subprocess.run(write, input=text, text=True, check=True, cwd="/", user=self.uid, group=0, extra_groups=[])

    def _place(self, variable: str, default: str) -> Path:
        return Path(os.path.normpath(self.deployment.root / (self.env.get(variable) or default)))

    def _shown(self, path: Path) -> str:
        return str(path.relative_to(self.deployment.root)) if path.is_relative_to(self.deployment.root) else str(path)

    def _owned(self, shown: str, path: Path, mode: int) -> Change:
        """Return the change that gives ``path`` to the services' user; it says nothing when it is his already."""

        def give() -> None:
            status = path.stat()
            if stat.S_IMODE(status.st_mode) != mode:
                path.chmod(mode)
            if self.acting == 0 and status.st_uid != self.uid:
                os.chown(path, self.uid, 0)

        wrong = path.exists() and (path.stat().st_uid != self.uid or stat.S_IMODE(path.stat().st_mode) & ~mode)
        detail = f"owner {self.uid}, mode {mode:04o}"
        return Change("update" if wrong else "keep", shown, detail, give)

    def _write_state(self) -> None:
        state = {"kind": self.kind, "version": __version__, "files": self.digests}
        text = json.dumps(state, indent=2) + "\n"
        if not self.deployment.state_file.is_file() or self.deployment.state_file.read_text(encoding="utf-8") != text:
            replace_file(self.deployment.state_file, text)


def _is_mounted(folder: Path) -> bool:
    """Tell whether ``folder`` is on another file system than the machine's own root."""
    return os.path.ismount(folder) or folder.stat().st_dev != Path("/").stat().st_dev
