"""Backup and restore: both databases and everything of a deployment that cannot be made anew, in one file.

The file is a tar archive. Its first member, ``manifest.json``, tells what the others are and their SHA-256.
"""

import hashlib
import json
import os
import tarfile
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import IO, Any

from ao_workflows import __version__
from ao_workflows.errors import SystemFailed, UsageError
from ao_workflows.platform.compose import Stack
from ao_workflows.platform.deployment import OVERRIDE, Deployment
from ao_workflows.platform.envfile import values_in, with_values
from ao_workflows.platform.secret_files import NAMES
from ao_workflows.platform.writing import replace_file

DATABASES = ("airflow", "ao_catalog")
"""Airflow's own database, and the catalog: the record of all work."""

OWNER = "ao"
FORMAT = 1
KEPT = (".env", ".deployed.json", "docker-compose.yml", OVERRIDE, "config", "dags", "secrets")
"""What of a deployment's directory is in a backup."""

_MANIFEST = "manifest.json"
_BLOCK = 1 << 20


class BackupFailed(SystemFailed):
    """A backup could not be made or restored, or is damaged."""

    code = "backup-failed"


@dataclass(frozen=True, slots=True)
class Backup:
    """What a backup is of.

    :param members: size in bytes and SHA-256 in hex of each member.
    """

    path: Path
    made: str
    version: str
    members: dict[str, dict[str, Any]]

    def as_dict(self) -> dict[str, Any]:
        """The backup as JSON."""
        size = sum(int(member["size"]) for member in self.members.values())
        return {"backup": str(self.path), "made": self.made, "version": self.version, "bytes": size}


def make_backup(deployment: Deployment, target: Path) -> Backup:
    """Write a backup of the running ``deployment`` to ``target``, which nobody but its owner may read.

    Each database is dumped as it is at one moment; work may go on meanwhile. The dumps are read back before the file
    gets its name. :raises UsageError: if ``target`` is there. :raises BackupFailed: if the disk fails.
    :raises DockerFailed: if a database does not answer.
    """
    _must_be_new(target)
    with _disk_errors(target), tempfile.TemporaryDirectory(prefix=".dumps-", dir=target.parent) as folder:
        stack, dumps = Stack(deployment), {}
        for name in DATABASES:
            dump = dumps[f"{name}.dump"] = Path(folder, f"{name}.dump")
            stack.save(dump, *_in_database("pg_dump", "--username", OWNER, "--format=custom", name))
            with dump.open("rb") as file:
                stack.ask(*_in_database("pg_restore", "--file=/dev/null"), stdin=file)
        return write_backup(deployment, dumps, target)


def write_backup(deployment: Deployment, dumps: Mapping[str, Path], target: Path) -> Backup:
    """Write the files of ``deployment`` and ``dumps`` (by their names) to ``target``; read it back; give it its name.

    :raises UsageError: if ``target`` is there. :raises BackupFailed: if the disk fails; nothing is left then.
    """
    _must_be_new(target)
    with _disk_errors(target), tempfile.TemporaryDirectory(prefix=".backup-", dir=target.parent) as folder:
        members = {**dumps, **dict(_kept_files(deployment))}
        made = datetime.now(UTC).isoformat(timespec="seconds")
        described = {name: {"size": path.stat().st_size, "sha256": _sha256(path)} for name, path in members.items()}
        manifest = Path(folder, _MANIFEST)
        document = {"format": FORMAT, "made": made, "version": __version__, "members": described}
        manifest.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
        unfinished = Path(folder, "backup.tar")
        _pack(unfinished, {_MANIFEST: manifest, **members})
        read_backup(unfinished)  # what was written is what was meant
        _publish(unfinished, target)
        _sync_folder(target.parent)
    return Backup(target, made, __version__, described)


def read_backup(path: Path) -> Backup:
    """Return what ``path`` is a backup of, every byte of it compared with its checksum.

    :raises BackupFailed: if it is damaged. :raises UsageError: if it is no backup.
    """
    try:
        with tarfile.open(path, "r:") as archive:
            first = archive.next()
            content = archive.extractfile(first) if first is not None and first.name == _MANIFEST else None
            if content is None:
                raise tarfile.ReadError("it does not begin with a manifest")
            manifest = json.loads(content.read())
            if manifest["format"] > FORMAT:
                raise BackupFailed(f"{path} was made by a newer version.", action="Restore it with that version.")
            members: dict[str, dict[str, Any]] = manifest["members"]
            seen = set()
            for member in islice(archive, 1, None):
                content = archive.extractfile(member)
                if member.name not in members or content is None:
                    raise BackupFailed(f"{path} holds {member.name!r}, which its manifest does not list.")
                seen.add(member.name)
                if _digest(content) != members[member.name]["sha256"]:
                    raise _damaged(path, f"{member.name} has another checksum than when it was written")
    except OSError as error:
        raise BackupFailed(f"{path}: {error.strerror or error}.", action="Name a backup that can be read.") from error
    except (tarfile.TarError, ValueError, KeyError, EOFError) as error:
        raise UsageError(
            f"{path} is no whole backup: {error}.", action="Name a file that `ao platform backup` made."
        ) from error
    if missing := set(members) - seen:
        raise _damaged(path, f"{', '.join(sorted(missing))} is missing")
    return Backup(path, manifest["made"], manifest["version"], members)


def lay_files(backup: Backup, deployment: Deployment) -> None:
    """Bring the files of ``backup`` into ``deployment``, whose directory must hold none of them yet.

    :raises UsageError: (``destination-occupied``) if it does. :raises BackupFailed: if the disk fails.
    """
    occupied = [name for name in KEPT if (deployment.root / name).exists()]
    if occupied:
        raise UsageError(
            f"{deployment.root} has {', '.join(occupied)} already, which would be overwritten.",
            action="Restore into a new directory.",
            code="destination-occupied",
        )
    with _disk_errors(deployment.root), tarfile.open(backup.path, "r:") as archive:
        deployment.root.mkdir(parents=True, exist_ok=True)
        for member in archive:
            path = PurePosixPath(member.name)
            if path.parts[0] in KEPT and ".." not in path.parts and not path.is_absolute():
                _lay(archive, member, deployment.root / path)


def env_of(backup: Backup) -> Mapping[str, str]:
    """Return the values of the ``.env`` in a backup."""
    with _member(backup, ".env") as file:
        return values_in(file.read().decode())


def give_to(deployment: Deployment, uid: int) -> None:
    """Give what was laid to the services' user; only root can."""
    if os.geteuid() == 0:
        with _disk_errors(deployment.root):
            for path in [deployment.secrets, *deployment.secrets.iterdir()]:
                os.chown(path, uid, 0)
            deployment.secrets.chmod(0o700)


def set_env(deployment: Deployment, **values: str) -> None:
    """Let a restored ``.env`` have other ``values``: a name of its own in Docker, or another user."""
    with _disk_errors(deployment.env_file):
        text = deployment.env_file.read_text(encoding="utf-8")
        replace_file(deployment.env_file, with_values(text, values))


def load_databases(backup: Backup, deployment: Deployment) -> None:
    """Bring the databases of ``backup`` into the running, empty database server of ``deployment``.

    :raises UsageError: (``destination-occupied``) if there is something in them.
    :raises DockerFailed: if the server refuses a dump; nothing of that database is there then.
    """
    stack = Stack(deployment)
    there = stack.ask(*_in_database("psql", "--username", OWNER, "--dbname", "airflow", "-Atc", _COUNT_TABLES)).strip()
    if there != "0":
        raise UsageError(
            f"The database server of {deployment.root} is not empty: it has {there} tables.",
            action="Restore into a new deployment; or remove this one's data first: `ao platform down --remove-data`.",
            code="destination-occupied",
        )
    for name in DATABASES:
        with _member(backup, f"{name}.dump") as dump:
            if name != "airflow":  # which the server itself has made
                stack.ask(*_in_database("createdb", "--username", OWNER, name))
            words = ("pg_restore", "--username", OWNER, "--dbname", name, "--exit-on-error", "--single-transaction")
            stack.ask(*_in_database(*words), stdin=dump)


_COUNT_TABLES = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"


def _must_be_new(target: Path) -> None:
    if target.exists():
        raise UsageError(f"{target} is there already.", action="Choose another name.", code="target-exists")


def _in_database(*words: str) -> tuple[str, ...]:
    return ("exec", "--no-TTY", "postgres", *words)


def _kept_files(deployment: Deployment) -> Iterator[tuple[str, Path]]:
    """Yield the files to keep by their names; one that cannot be read is an error, never left out.

    :raises BackupFailed: if a secret is not there.
    """
    found = {
        path.relative_to(deployment.root).as_posix(): path
        for name in KEPT
        for path in _files_below(deployment.root / name)
    }
    missing = {".env", *(f"secrets/{name}" for name in NAMES)} - found.keys()
    if missing:
        raise BackupFailed(
            f"{deployment.root} lacks {', '.join(sorted(missing))}: what was restored from this backup could not run.",
            action="Run `ao platform deploy`, which makes what is missing, or name the right directory.",
        )
    yield from found.items()


def _files_below(top: Path) -> Iterator[Path]:
    """Yield ``top``, if it is a file, or the files below it; what a link leads to counts as the file."""
    if top.is_file():
        yield top
    for parent, folders, names in os.walk(top, onerror=_raise):
        folders.sort()
        yield from (Path(parent, name) for name in sorted(names))


def _raise(error: OSError) -> None:
    if not isinstance(error, FileNotFoundError | NotADirectoryError):
        raise error


def _pack(target: Path, members: dict[str, Path]) -> None:
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with (
        os.fdopen(descriptor, "wb") as file,
        tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as archive,
    ):
        for name, path in members.items():
            with path.open("rb") as content:
                archive.addfile(archive.gettarinfo(arcname=name, fileobj=content), content)
        archive.close()
        file.flush()
        os.fsync(file.fileno())


def _publish(unfinished: Path, target: Path) -> None:
    """Give the file its name, and never that of another."""
    try:
        os.link(unfinished, target)
    except FileExistsError:
        _must_be_new(target)
    except OSError:  # some file systems have no links
        _must_be_new(target)
        unfinished.rename(target)


def _lay(archive: tarfile.TarFile, member: tarfile.TarInfo, target: Path) -> None:
    """Bring back one file with its mode, and, for root, its owner."""
    content = archive.extractfile(member)
    target.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        while content is not None and (block := content.read(_BLOCK)):
            file.write(block)
        os.fchmod(file.fileno(), member.mode & 0o777)
        if os.geteuid() == 0:
            os.fchown(file.fileno(), member.uid, 0)


@contextmanager
def _member(backup: Backup, name: str) -> Iterator[Any]:
    """Yield a member as a real file, which a program can read."""
    with tarfile.open(backup.path, "r:") as archive, tempfile.TemporaryFile() as file:
        content = archive.extractfile(name)
        while content is not None and (block := content.read(_BLOCK)):
            file.write(block)
        file.seek(0)
        yield file


@contextmanager
def _disk_errors(place: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise BackupFailed(
            f"{error.filename or place}: {error.strerror or error}.",
            action="Check the folder, its permissions and the space that is free, then try again.",
        ) from error


def _damaged(path: Path, problem: str) -> BackupFailed:
    return BackupFailed(f"{path} is damaged: {problem}.", action="Take another backup; this one cannot be trusted.")


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return _digest(file)


def _digest(file: IO[bytes]) -> str:
    digest = hashlib.sha256()
    while block := file.read(_BLOCK):
        digest.update(block)
    return digest.hexdigest()


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
