"""``ao doctor``: is everything there that the job needs?"""

import typer

from ao_workflows.checks import Verdict
from ao_workflows.cli.output import JsonOption, settings_with_logs
from ao_workflows.cli.screen import show_checks
from ao_workflows.errors import ExitCode
from ao_workflows.staging.doctor import examine


def doctor(as_json: JsonOption = False) -> None:
    """Check each real thing that the settings name, and say how to mend what is wrong (exit code 3).

    Paths writable by this user, the archive's mounts, free disk, the database and its tables, AWS credentials, queues
    with their dead-letter queues, buckets, the clock. Changes nothing.
    """
    checks = examine(settings_with_logs())
    show_checks(checks, as_json=as_json)
    if any(check.verdict == Verdict.BAD for check in checks):
        raise typer.Exit(ExitCode.SYSTEM)
