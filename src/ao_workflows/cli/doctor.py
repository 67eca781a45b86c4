"""``ao doctor``: is everything there that the job needs?"""

import typer
from rich.table import Table

from ao_workflows.cli.output import JsonOption, cell, out, print_json, settings_with_logs
from ao_workflows.errors import ExitCode
from ao_workflows.staging.doctor import Verdict, examine

STYLES = {Verdict.GOOD: "green", Verdict.WARNING: "yellow", Verdict.BAD: "red"}


def doctor(as_json: JsonOption = False) -> None:
    """Check each real thing that the settings name, and say how to mend what is wrong (exit code 3).

    Paths writable by this user, the archive's mounts, free disk, the database and its tables, AWS credentials, queues
    with their dead-letter queues, buckets, the clock. Changes nothing.
    """
    checks = examine(settings_with_logs())
    if as_json:
        print_json({"checks": [check.as_dict() for check in checks]})
    else:
        table = Table("Check", "Verdict", "Found", box=None, pad_edge=False)
        for check in checks:
            style = STYLES[check.verdict]
            table.add_row(cell(check.name), check.verdict, cell(check.found), style=style)
            if check.action:
                table.add_row("", "", cell(f"→ {check.action}"), style=style)
        out().print(table)
    if any(check.verdict == Verdict.BAD for check in checks):
        raise typer.Exit(ExitCode.SYSTEM)
