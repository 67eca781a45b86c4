"""What the commands share: lines for people, JSON for machines, progress for the patient."""

import getpass
import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Annotated, Any

import typer

from ao_workflows.answering import ignored
from ao_workflows.errors import AoError, Finding
from ao_workflows.log import configure_logs, visible
from ao_workflows.settings import Settings, load_settings

JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document on standard output.")]

FINDINGS_SHOWN = 20
"""How many findings are shown to a person; ``--json`` has them all."""


def print_json(document: Mapping[str, Any]) -> None:
    """Print ``document`` on standard output."""
    # Names of files may hold bytes that are no UTF-8; escaped, they survive any terminal and pipe.
    sys.stdout.write(json.dumps(document, ensure_ascii=True, indent=2, default=str) + "\n")
    sys.stdout.flush()


def settings_with_logs() -> Settings:
    """Return the settings, and let the log look as they say."""
    settings = load_settings()
    configure_logs(style=settings.log.format, level=settings.log.level)
    return settings


def say(text: str, *, style: str | None = None) -> None:
    """Tell a person something; names in it are shown as they are, control characters escaped."""
    if style is None:
        typer.echo(visible(text), err=True)
        return
    from ao_workflows.cli.screen import console  # noqa: PLC0415  # Rich, which a plain line can do without

    console().print(visible(text), style=style, markup=False, highlight=False)


def show_error(error: AoError, *, as_json: bool = False) -> None:
    """Tell a person what went wrong and the next step; with ``as_json``, tell the machine, too."""
    if as_json:
        document: dict[str, Any] = {"code": error.code, "message": error.message, "action": error.action}
        if error.findings:
            document["findings"] = [finding.as_dict() for finding in error.findings]
        print_json({"error": document})
    say(f"error: {error.message}", style="bold red")
    if error.action:
        say(f"next step: {error.action}")
    say(f"(code {error.code})", style="dim")


def user_name() -> str:
    """Return who asks, for the history; in a container, a user may have a number and no name."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"user {os.getuid()}"


def say_findings(findings: tuple[Finding, ...] | list[Finding], *, style: str) -> None:
    """Show the first of ``findings``, each with its code, place and both sides, and how many more there are."""
    for finding in findings[:FINDINGS_SHOWN]:
        say(f"  {finding.code}: {finding.message}", style=style)
        if finding.expected is not None:
            say(f"      expected {finding.expected}")
        if finding.found is not None:
            say(f"      found    {finding.found}")
    if len(findings) > FINDINGS_SHOWN:
        say(f"  … and {len(findings) - FINDINGS_SHOWN} more; --json lists them all.")


@contextmanager
def progress_bytes(label: str, total: int | Callable[[], int] | None) -> Iterator[Callable[[int], None]]:
    """Show a bar with rate and time left on a terminal while the block runs; yield what reports bytes done.

    :param total: what it is that is counted, if it is known; a function is called only if there is a terminal.
    """
    with progress_when_known(label) as begin:
        if callable(total):
            total = total() if sys.stderr.isatty() else None
        yield begin(total)


@contextmanager
def progress_when_known(label: str) -> Iterator[Callable[[int | None], Callable[[int], None]]]:
    """Like :func:`progress_bytes`, where the total comes later: yield what takes it, and returns what reports."""
    if not sys.stderr.isatty():
        yield lambda _total: ignored
        return
    from ao_workflows.cli.screen import progress_bar  # noqa: PLC0415  # Rich, too

    with progress_bar(label) as begin:
        yield begin
