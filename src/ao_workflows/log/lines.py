"""What a line of the log looks like, and where it goes."""

import logging
import sys
from typing import Literal

import structlog

from ao_workflows.log.text import visible

LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}


def set_up_lines(*, style: Literal["text", "json"], level: str) -> None:
    """Have structlog write to standard error, as :func:`~ao_workflows.log.configure_logs` says."""
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
