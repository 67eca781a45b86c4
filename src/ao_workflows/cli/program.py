"""How a program of ours begins and ends: signals, exit codes, and errors told to the operator."""

import io
import logging
import os
import signal
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from typing import Any, NoReturn

import typer

from ao_workflows.answering import is_work_left
from ao_workflows.cli.output import show_error
from ao_workflows.errors import AoError, ExitCode, SystemFailed, UsageError

_SIGNALLED = 128
_INTERRUPTED = _SIGNALLED + signal.SIGINT  # how Typer, too, reports Ctrl-C


def run_program(name: str, app: Callable[..., Any]) -> NoReturn:
    """Run the Typer application ``app``; end with a code of :class:`ExitCode`, or 128 and the number of a signal."""
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
    code = _run(name, app, as_json="--json" in sys.argv)
    if code == _INTERRUPTED:
        code = _SIGNALLED + stopped_by[0]
    if is_work_left():
        _end_at_once(code)
    sys.exit(code)


def _end_at_once(code: int) -> NoReturn:
    """End without the threads of work that was left: they are in calls that may never come back.

    That is as safe as being killed, which may happen to such work at any moment.
    """
    logging.shutdown()
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):  # nobody reads it any more
            stream.flush()
    os._exit(code)


def _run(name: str, app: Callable[..., Any], *, as_json: bool) -> int:
    """Run the command that the arguments name; return its exit code, every error told."""
    try:
        # A command that ends without a word of its own has done what it should.
        return app(prog_name=name, standalone_mode=False) or ExitCode.DONE
    except KeyboardInterrupt:
        return _INTERRUPTED
    except SystemExit:
        # Typer's way to say that nobody reads the output any more; its code would mean that content was rejected.
        return _SIGNALLED + signal.SIGPIPE
    except Exception as error:  # noqa: BLE001  # Python's own exit code for it would mean that content was rejected
        problem = _problem_of(name, error)
        if problem is None:
            return ExitCode.USAGE  # nothing was asked for, and the help was printed
        with suppress(BrokenPipeError):  # nobody reads it; the code says it, too
            show_error(problem, as_json=as_json)
        return problem.exit_code


def _problem_of(name: str, error: Exception) -> AoError | None:
    """Return the error as one for the operator; ``None`` if it says nothing."""
    if isinstance(error, AoError):
        return error
    if isinstance(error, typer.TyperException):
        context = getattr(error, "ctx", None)
        command = context.command_path if context is not None else name
        message = error.format_message()
        return UsageError(message, action=f"See `{command} --help`.") if message else None
    if isinstance(error, OSError):
        place = error.filename if isinstance(error.filename, str) else "The system"
        return SystemFailed(f"{place}: {error.strerror or error}.", action="Check the disk and its permissions.")
    traceback.print_exception(error)
    return SystemFailed(
        f"A fault in {name}: {type(error).__name__}: {error}.",
        action="Report it with the lines above.",
        code="internal-error",
    )
