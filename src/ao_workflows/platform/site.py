"""What a site adds to the image: its operations scripts, what they require, and Debian packages such as an audit tool.

All of it is looked at before Docker starts, so that what is missing or odd is told by name.
"""

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ao_workflows.errors import UsageError

SCRIPT_FOLDERS = ("bin", "scripts")
"""Where a checkout of operations scripts keeps what people call."""

RESERVED = frozenset({"airflow", "ao", "audit-tool", "celery", "dumb-init", "pip", "python", "python3", "sh", "bash"})
"""Names that a script of the site would hide, or be hidden by."""

_DEB_MAGIC = b"!<arch>\ndebian-binary"
_HASH_BANG = b"#!"
_SECRET = re.compile(
    rb"-----BEGIN [A-Z ]*PRIVATE KEY-----|\bAKIA[0-9A-Z]{16}\b|aws_secret_access_key\s*[=:]\s*[\"']?[A-Za-z0-9/+]{40}\b"
)
_LARGEST_SCRIPT = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class SiteParts:
    """What goes into the image beside the project itself.

    :param scripts: files by the name that they get in the image's ``bin``.
    """

    scripts: tuple[tuple[str, Path], ...] = ()
    requirements: tuple[Path, ...] = ()
    packages: tuple[Path, ...] = ()


def read_site(
    *, operations: Path | None = None, packages: Iterable[Path] = (), requirements: Iterable[Path] = ()
) -> SiteParts:
    """Return the parts of a site.

    :param operations: a checkout of the site's operations scripts (``AO_DEV_DIR``).
    :param packages: Debian packages. :param requirements: further requirement files.
    :raises UsageError: (``site-part``) naming what is missing, odd, or a secret.
    """
    scripts: tuple[tuple[str, Path], ...] = ()
    found: list[Path] = []
    if operations is not None:
        _must_be(os.path.isdir(operations), operations, "is not a folder", "Name a checkout of the site's scripts.")
        scripts = tuple(sorted(_scripts(operations).items()))
        found = sorted(_requirement_files(operations))
        _must_be(
            bool(scripts or found),
            operations,
            f"holds no script in {' or '.join(SCRIPT_FOLDERS)}, and no requirements*.txt",
            "Name the folder that has them, or leave the option out: then the built-in tools serve.",
        )
    named = [path.absolute() for path in requirements]
    for path in named:
        _must_be(path.is_file(), path, "is not a file", "Name a file of pip's requirements format.")
    return SiteParts(scripts, (*found, *named), tuple(_checked_package(path.absolute()) for path in packages))


def _scripts(operations: Path) -> dict[str, Path]:
    """Return the scripts by name; a name that two of them have is refused, as one would hide the other."""
    scripts: dict[str, Path] = {}
    for path in _files(operations):
        if not _is_script(path):
            continue
        name = path.name
        action = "Rename it, or leave it out of the folder."
        _must_be(name not in RESERVED, path, f"has the name of a program of the image, {name}", action)
        if name in scripts:
            _must_be(False, path, f"has the same name as {scripts[name]}; both would go into one folder", action)
        _must_hold_no_secret(path)
        scripts[name] = path
    return scripts


def _files(operations: Path) -> Iterator[Path]:
    """Yield the files of the script folders in order; a link that leads out of the checkout is refused."""
    home = os.path.realpath(operations)
    for folder in SCRIPT_FOLDERS:
        for parent, folders, names in os.walk(operations / folder):
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            for name in sorted(name for name in names if not name.startswith(".")):
                path = Path(parent, name)
                target = os.path.realpath(path)
                _must_be(
                    os.path.commonpath([home, target]) == home,
                    path,
                    f"is a link that leads out of the checkout, to {target}",
                    "Replace it by the file itself.",
                )
                _must_be(os.path.isfile(target), path, "is a link to nothing", "Mend or remove it.")
                yield path


def _is_script(path: Path) -> bool:
    if os.access(path, os.X_OK):
        return True
    with path.open("rb") as file:
        return file.read(len(_HASH_BANG)) == _HASH_BANG


def _must_hold_no_secret(path: Path) -> None:
    with path.open("rb") as file:
        content = file.read(_LARGEST_SCRIPT)
    _must_be(
        _SECRET.search(content) is None,
        path,
        "holds what looks like a secret key; whoever has the image would have it, too",
        "Take it out, let the script read /run/secrets, and have the key replaced.",
    )


def _requirement_files(operations: Path) -> Iterator[Path]:
    for folder in (operations, *(operations / name for name in SCRIPT_FOLDERS)):
        yield from folder.glob("requirements*.txt")


def _checked_package(path: Path) -> Path:
    _must_be(path.is_file(), path, "is not a file", "Name the audit tool's Debian package, a .deb file.")
    with path.open("rb") as file:
        begin = file.read(len(_DEB_MAGIC))
    _must_be(
        begin == _DEB_MAGIC and path.suffix == ".deb",
        path,
        "is not a Debian package",
        "Name a .deb file, not a folder.",
    )
    return path


def _must_be(condition: bool, path: Path, problem: str, action: str) -> None:
    if not condition:
        raise UsageError(f"{path} {problem}.", action=action, code="site-part")
