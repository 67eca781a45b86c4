"""What is shown with colours, in tables and as bars; apart, because what draws them takes its time to load."""

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn
from rich.table import Table
from rich.text import Text

from ao_workflows.checks import Check, Verdict
from ao_workflows.cli.output import print_json
from ao_workflows.explained import Explained
from ao_workflows.log import visible

VERDICT_STYLES = {Verdict.GOOD: "green", Verdict.WARNING: "yellow", Verdict.BAD: "red"}

FILE_WIDTH = 200
"""Columns of a table that goes into a file or a pipe."""


def console() -> Console:
    """Return the console for people: standard error, so that standard output stays clean for results."""
    # Without emoji: ":key:" in the name of a file is what it says.
    return Console(stderr=True, soft_wrap=True, emoji=False)


def out() -> Console:
    """Return the console for results that are asked for: standard output, wide enough for paths when it is a file."""
    return Console(width=None if sys.stdout.isatty() else FILE_WIDTH, emoji=False)


def cell(text: str) -> Text:
    """Return ``text`` for a table: whole, and without Rich reading square brackets in it as markup."""
    return Text(visible(text), overflow="fold")


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


def show_explained(work: Path, items: Iterable[Explained], *, heading: str) -> None:
    """Show what is in force for ``work`` as a table. :param heading: what the items are."""
    table = Table(heading, "In force", "Because of", title=cell(str(work)), title_justify="left", box=None)
    for item in items:
        table.add_row(cell(item.key), cell(item.value), cell(item.origin))
    out().print(table)


@contextmanager
def progress_bar(label: str) -> Iterator[Callable[[int | None], Callable[[int], None]]]:
    """Show a bar with rate and time left while the block runs; yield what takes the total and returns what reports."""
    columns = (
        TextColumn("{task.description}", markup=False),  # names may hold anything
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console(), transient=True) as bar:
        task = bar.add_task(visible(label), total=None)

        def begin(total: int | None) -> Callable[[int], None]:
            bar.update(task, total=total)
            return lambda count: bar.update(task, advance=count)

        yield begin
