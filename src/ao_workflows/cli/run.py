"""``ao run``: the whole job without Airflow."""

import time
from typing import Annotated

import typer

from ao_workflows.catalog import list_works
from ao_workflows.cli.output import JsonOption, print_json, settings_with_logs
from ao_workflows.cli.screen import out
from ao_workflows.cli.works import works_table
from ao_workflows.staging.process import Process
from ao_workflows.staging.runner import run_until_idle


def run(
    once: Annotated[bool, typer.Option("--once", help="Stop when nothing is due; without it, go on for ever.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Drain, claim, and take every delivery through all stages, one after another.

    Any number of these may run at the same time, on any number of machines that share the catalog. Killed anywhere and
    started again, it goes on where it was. The exit code tells the worst that happened: 1 if content was rejected, 3 if
    the system failed; deliveries that only wait are no failure.

    Example: ao run --once --json
    """
    process = Process.open(settings_with_logs())

    def rest() -> bool:
        if once:
            return False
        time.sleep(process.settings.process.poll_seconds)
        return True

    summary = run_until_idle(process, rest=rest)
    with process.catalog.reading() as session:
        rows = [row for row in list_works(session) if row.delivery in summary.concluded]
    if as_json:
        print_json({"works": [row.as_dict() for row in rows], "total": len(rows)})
    else:
        out().print(works_table(rows) if rows else "Nothing was due.")
    raise typer.Exit(summary.exit_code)
