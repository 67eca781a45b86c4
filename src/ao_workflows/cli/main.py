"""The program ``ao``: its commands, and how an error leaves it."""

import io
import signal
import sys
import traceback
from typing import Annotated, Any

import typer

from ao_workflows import __version__
from ao_workflows.cli.lazy import lazy_group
from ao_workflows.cli.output import show_error
from ao_workflows.errors import AoError, ExitCode, SystemFailed, UsageError

_SIGNALLED = 128
_INTERRUPTED = _SIGNALLED + signal.SIGINT  # how Typer, too, reports Ctrl-C

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
    """Run the program; end with one of the exit codes of :class:`ExitCode`, or 128 and the number of a signal."""
    stopped_by = [signal.SIGINT]

    def stop(number: int, frame: Any) -> None:
        # Asked to stop, a run gives its claim back, as it does at Ctrl-C.
        del frame
        stopped_by[0] = signal.Signals(number)
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, stop)
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A terminal that cannot show a name gets it escaped, as it does on standard error.
        sys.stdout.reconfigure(errors="backslashreplace")
    code = _run(as_json="--json" in sys.argv)
    sys.exit(_SIGNALLED + stopped_by[0] if code == _INTERRUPTED else code)


def _run(*, as_json: bool) -> int:
    """Run the command that the arguments name; return its exit code, every error told."""
    try:
        # A command that ends without a word of its own has done what it should.
        return app(prog_name="ao", standalone_mode=False) or ExitCode.DONE
    except KeyboardInterrupt:
        return _INTERRUPTED
    except SystemExit:
        # Typer's way to say that nobody reads the output any more; its code would mean that content was rejected.
        return _SIGNALLED + signal.SIGPIPE
    except Exception as error:  # noqa: BLE001  # Python's own exit code for it would mean that content was rejected
        problem = _problem_of(error)
        if problem is None:
            return ExitCode.USAGE  # nothing was asked for, and the help was printed
        show_error(problem, as_json=as_json)
        return problem.exit_code


def _problem_of(error: Exception) -> AoError | None:
    """Return the error as one for the operator; ``None`` if it says nothing."""
    if isinstance(error, AoError):
        return error
    if isinstance(error, typer.TyperException):
        context = getattr(error, "ctx", None)
        command = context.command_path if context is not None else "ao"
        message = error.format_message()
        return UsageError(message, action=f"See `{command} --help`.") if message else None
    if isinstance(error, OSError):
        place = error.filename if isinstance(error.filename, str) else "The system"
        return SystemFailed(f"{place}: {error.strerror or error}.", action="Check the disk and its permissions.")
    traceback.print_exception(error)
    return SystemFailed(
        f"A fault in ao: {type(error).__name__}: {error}.",
        action="Report it with the lines above.",
        code="internal-error",
    )
