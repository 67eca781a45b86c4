"""Calling ``docker``: what it answers, and what it is that fails when it does."""

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from ao_workflows.errors import SystemFailed


class DockerFailed(SystemFailed):
    """Docker could not do what it was asked for."""

    code = "docker-failed"


def run(words: Sequence[str], *, environment: Mapping[str, str] | None = None) -> None:
    """Run ``docker`` with ``words`` in view of the operator, on standard error. :raises DockerFailed: if it fails."""
    with _found():
        done = subprocess.run(["docker", *words], check=False, stdout=sys.stderr, env=environment)
    if done.returncode != 0:
        raise DockerFailed(f"`docker {_shortened(words)}` failed.", action="See what it printed above.")


def ask(words: Sequence[str], *, stdin: "IO[bytes] | None" = None, environment: Mapping[str, str] | None = None) -> str:
    """Return what ``docker`` answers. :raises DockerFailed: with what it says, if it fails."""
    with _found():
        done = subprocess.run(
            ["docker", *words],
            check=False,
            stdin=stdin or subprocess.DEVNULL,
            capture_output=True,
            env=environment,
        )
    if done.returncode != 0:
        raise _failed(words, done.stderr)
    return done.stdout.decode(errors="replace")


def save(words: Sequence[str], target: Path, *, environment: Mapping[str, str] | None = None) -> None:
    """Let what ``docker`` prints become the file ``target``. :raises DockerFailed: with what it says, if it fails."""
    with _found(), target.open("wb") as file:
        done = subprocess.run(
            ["docker", *words],
            check=False,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.PIPE,
            env=environment,
        )
    if done.returncode != 0:
        raise _failed(words, done.stderr)


def ask_json(words: Sequence[str]) -> Any:
    """Return the JSON that ``docker`` answers. :raises DockerFailed: if it fails."""
    return json.loads(ask(words))


def json_lines(text: str) -> Iterator[dict[str, Any]]:
    """Yield the documents in ``text``: one a line, or all in one list, as versions of Compose differ."""
    for line in text.splitlines():
        found = json.loads(line) if line.strip() else []
        yield from found if isinstance(found, list) else [found]


@contextmanager
def _found() -> Iterator[None]:
    """Tell in words that ``docker`` is not installed. :raises DockerFailed: then."""
    try:
        yield
    except FileNotFoundError as error:
        if error.filename != "docker":
            raise
        raise DockerFailed(
            "The program docker is not there.",
            action="Install Docker Engine with its Compose plug-in.",
            code="docker-missing",
        ) from error


def _failed(words: Sequence[str], said: bytes) -> DockerFailed:
    lines = said.decode(errors="replace").strip().splitlines()
    reason = " ".join(lines[-3:]) or "it said nothing"
    if "Cannot connect to the Docker daemon" in reason or "permission denied while trying to connect" in reason:
        return DockerFailed(
            f"Docker does not answer: {reason}",
            action="Start the Docker engine, and let this user use it (group docker).",
            code="docker-missing",
        )
    return DockerFailed(
        f"`docker {_shortened(words)}` failed: {reason}", action="Mend what it says, then run the command again."
    )


def _shortened(words: Sequence[str]) -> str:
    """Return a call as it helps to read: without the options that every call has."""
    shown = list(words)
    for option in ("--project-directory", "--project-name", "--file"):
        while option in shown:
            place = shown.index(option)
            del shown[place : place + 2]
    return " ".join(shown)
