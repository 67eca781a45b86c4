"""The program ``ao`` and its commands."""

import sys
from typing import Annotated

import typer

from ao_workflows import __version__
from ao_workflows.cli.lazy import lazy_group
from ao_workflows.cli.program import run_program

COMMANDS = {
    "bag": "ao_workflows.cli.bag:app",
    "audit": "ao_workflows.cli.audit:audit",
    "sync": "ao_workflows.cli.sync:sync",
    "intake": "ao_workflows.cli.intake:intake",
    "run": "ao_workflows.cli.run:run",
    "works": "ao_workflows.cli.works:app",
    "db": "ao_workflows.cli.db:app",
    "config": "ao_workflows.cli.config:app",
    "doctor": "ao_workflows.cli.doctor:doctor",
    "platform": "ao_workflows.cli.platform:app",
}

app = typer.Typer(
    cls=lazy_group(COMMANDS),
    name="ao",
    help="Brings digitised works back from S3 Glacier into an archive: verified, unattended, restartable.",
    epilog="Exit codes: 0 done, 1 the content was rejected, 2 wrong usage, 3 the system failed.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        sys.stdout.write(f"ao {__version__}\n")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    del version


def main() -> None:
    """Run the program."""
    run_program("ao", app)
