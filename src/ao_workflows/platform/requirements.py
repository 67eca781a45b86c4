"""The Python packages of the image: the project's own, pinned, with those of the site merged in and pinned as well."""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from ao_workflows.errors import SystemFailed, UsageError

OLDEST_PYTHON = "3.11"
"""The pins hold for it and for every later one that the project supports."""

_PIN = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)==([^\s;\\]+)", re.MULTILINE)
_HASH = re.compile(r"\s--hash=\S+")
_COMMENT = re.compile(r"(^|\s)#.*$")
_INCLUDE = re.compile(r"^(?:-r|--requirement)[\s=]+(\S+)$")


@dataclass(frozen=True, slots=True)
class SiteRequirement:
    """One line of a requirement file, and where it stands: ``path:line``."""

    requirement: Requirement
    source: str

    @property
    def name(self) -> str:
        """The package's name as the index normalizes it."""
        return canonicalize_name(self.requirement.name)


def merge_requirements(lock: Path, files: Sequence[Path], target: Path) -> None:
    """Write what the image installs to ``target``: ``lock``, and what ``files`` ask for, all pinned by hash.

    :raises UsageError: (``requirements-conflict``) naming both sources, if they cannot be had together;
        (``site-part``) for a line that cannot be pinned. :raises SystemFailed: if it cannot be worked out.
    """
    wanted = [requirement for file in files for requirement in read_requirements(file)]
    refuse_conflicts(wanted, pins=read_pins(lock), lock=lock)
    if not wanted:
        shutil.copyfile(lock, target)
        return
    asked = target.with_name("site.in")
    asked.write_text("".join(f"{each.requirement}\n" for each in wanted), encoding="utf-8")
    done = subprocess.run(
        [
            *(uv(), "pip", "compile", "--universal", "--python-version", OLDEST_PYTHON, "--generate-hashes", "--quiet"),
            *("--no-emit-index-url", "--no-annotate", "--no-header", "--output-file", str(target)),
            *(str(lock), str(asked)),
        ],
        check=False,
        text=True,
        capture_output=True,
    )
    asked.unlink()
    if done.returncode != 0:
        raise _unresolved(done.stderr, wanted, lock)


def read_requirements(path: Path) -> Iterator[SiteRequirement]:
    """Yield the requirements of a file in pip's format, and of those that it includes.

    :raises UsageError: (``site-part``) for a line that names a place instead of a package, or that says nothing.
    """
    number = 0
    lines = iter(path.read_text(encoding="utf-8").splitlines())
    for line in lines:
        number += 1
        begin, text = number, line
        while text.rstrip().endswith("\\"):
            number += 1
            text = f"{text.rstrip()[:-1]} {next(lines, '')}"
        text = _HASH.sub("", _COMMENT.sub("", text)).strip()
        source = f"{path}:{begin}"
        if include := _INCLUDE.match(text):
            yield from read_requirements(path.parent / include[1])
        elif text:
            yield SiteRequirement(_parsed(text, source), source)


def read_pins(lock: Path) -> Mapping[str, Version]:
    """Return the pinned version of each package in ``lock`` by its normalized name."""
    found = _PIN.findall(lock.read_text(encoding="utf-8"))
    return {canonicalize_name(name): Version(version) for name, version in found}


def refuse_conflicts(wanted: Sequence[SiteRequirement], *, pins: Mapping[str, Version], lock: Path) -> None:
    """Refuse what asks for another version than the one that is pinned.

    :raises UsageError: (``requirements-conflict``) naming each with both sources.
    """
    problems = [
        f"{each.source} asks for {each.requirement}, and {lock.parent.name}/{lock.name} has "
        f"{each.name}=={pins[each.name]}"
        for each in wanted
        if each.name in pins and not each.requirement.specifier.contains(pins[each.name], prereleases=True)
    ]
    if problems:
        raise UsageError(
            f"Requirements contradict each other: {'; '.join(problems)}.",
            action="Loosen the site's requirement, or take a version of ao-workflows that has the one it needs.",
            code="requirements-conflict",
        )


def uv() -> str:
    """Return the program ``uv``, beside this Python or on the path. :raises SystemFailed: if there is none."""
    found = shutil.which("uv", path=str(Path(sys.executable).parent)) or shutil.which("uv")
    if found is None:
        raise SystemFailed(
            "The site's requirements cannot be pinned: the program uv is not there.",
            action="Use tools/ao of the checkout, which brings it, or install it: pip install uv.",
            code="uv-missing",
        )
    return found


def _parsed(text: str, source: str) -> Requirement:
    try:
        requirement = Requirement(text)
    except InvalidRequirement as error:
        raise UsageError(
            f"{source}: {text.partition('://')[0]!r} is no requirement that can be pinned.",
            action="Write a package's name and versions, such as boto3>=1.40; options and addresses cannot be pinned.",
            code="site-part",
        ) from error
    if requirement.url is not None:
        raise UsageError(
            f"{source}: {requirement.name} is asked for from an address, which cannot be pinned by hash.",
            action="Ask for a released version of it, or put its scripts among the site's scripts.",
            code="site-part",
        )
    return requirement


def _unresolved(said: str, wanted: Sequence[SiteRequirement], lock: Path) -> UsageError | SystemFailed:
    """Return the error for what the resolver could not do, with the places of every package that it speaks of."""
    places = [
        f"{each.source} ({each.requirement})" for each in wanted if re.search(rf"\b{re.escape(each.name)}\b", said)
    ]
    reason = " ".join(re.sub(r"[^\x20-\x7e]+", " ", said).split())
    if "No solution found" not in said:
        return SystemFailed(
            f"The site's requirements could not be pinned: {reason}.",
            action="Check the network and that the packages exist, then try again.",
            code="requirements-failed",
        )
    return UsageError(
        f"Requirements contradict each other: {reason} Asked for in {', '.join(places) or 'the site'}; "
        f"pinned in {lock.parent.name}/{lock.name}.",
        action="Loosen one of them.",
        code="requirements-conflict",
    )
