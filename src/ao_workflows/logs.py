"""The log: one line for each decision, stage and failure, in UTC, bound to its delivery and work."""

import logging
import sys
from typing import Literal

import structlog

LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}


def visible(text: str) -> str:
    """Return ``text`` safe for a terminal.

    Names from outside may hold anything: what cannot be printed (escape sequences, line breaks, characters that turn
    the direction of writing, bytes that are no UTF-8) is escaped.
    """
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else ascii(each)[1:-1] for each in text)


def configure_logs(*, style: Literal["text", "json"], level: str) -> None:
    """Send log lines to standard error; for programs whose log is their own (inside Airflow, Airflow's set-up stays).

    :param style: ``text`` for a person, ``json`` for a machine.
    :param level: the least severe level that is written: debug, info, warning or error.
    """
    renderers: list[structlog.types.Processor] = (
        [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
        if style == "json"
        else [_make_visible, _console()]
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="%Y-%m-%dT%H:%M:%SZ", utc=True),
            *renderers,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(LEVELS[level]),
        logger_factory=structlog.PrintLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=False,
    )


def _make_visible(
    logger: structlog.types.WrappedLogger, name: str, line: structlog.types.EventDict
) -> structlog.types.EventDict:
    """Let no text in a log line command the terminal that shows it."""
    del logger, name
    return {key: visible(value) if isinstance(value, str) else value for key, value in line.items()}


def _console() -> structlog.dev.ConsoleRenderer:
    return structlog.dev.ConsoleRenderer(
        colors=sys.stderr.isatty(),
        pad_event_to=0,
        sort_keys=False,
        # The other formatters print local variables, too, and with them whatever secret they hold.
        exception_formatter=structlog.dev.plain_traceback,
    )
