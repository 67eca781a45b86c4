"""What the commands share: one console for people, JSON for machines, progress for the patient."""

import getpass
import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn
from rich.table import Table
from rich.text import Text

from ao_workflows.checks import Check, Verdict
from ao_workflows.errors import AoError, Finding
from ao_workflows.logs import configure_logs, visible
from ao_workflows.settings import Settings, load_settings

JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document on standard output.")]

VERDICT_STYLES = {Verdict.GOOD: "green", Verdict.WARNING: "yellow", Verdict.BAD: "red"}

FILE_WIDTH = 200
"""Columns of a table that goes into a file or a pipe."""

FINDINGS_SHOWN = 20
"""How many findings are shown to a person; ``--json`` has them all."""


def console() -> Console:
    """Return the console for people: standard error, so that standard output stays clean for results."""
    # Without emoji: ":key:" in the name of a file is what it says.
    return Console(stderr=True, soft_wrap=True, emoji=False)


def out() -> Console:
    """Return the console for results that are asked for: standard output, wide enough for paths when it is a file."""
    return Console(width=None if sys.stdout.isatty() else FILE_WIDTH, emoji=False)


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


def cell(text: str) -> Text:
    """Return ``text`` for a table: whole, and without Rich reading square brackets in it as markup."""
    return Text(visible(text), overflow="fold")


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


def show_checks(checks: Sequence[Check], *, as_json: bool) -> None:
    """Show what was examined as a table, the way to mend what is wrong below each; or as JSON."""
    if as_json:
        print_json({"checks": [check.as_dict() for check in checks]})
        return
    table = Table("Check", "Verdict", "Found", box=None, pad_edge=False)
    for check in checks:
        style = VERDICT_STYLES[check.verdict]
        table.add_row(cell(check.name), check.verdict, cell(check.found), style=style)
        if check.action:
            table.add_row("", "", cell(f"→ {check.action}"), style=style)
    out().print(table)


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
    columns = (
        TextColumn("{task.description}", markup=False),  # names may hold anything
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console(), transient=True, disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task(visible(label), total=None)

        def begin(total: int | None) -> Callable[[int], None]:
            bar.update(task, total=total)
            return lambda count: bar.update(task, advance=count)

        yield begin
