"""The log: one line for each decision, stage and failure, in UTC, bound to its delivery and work.

What writes it is loaded with the first line: that takes as long as a small sync, and most commands have none to write.
"""

import sys
import threading
from collections.abc import Callable
from typing import Any, Literal

from ao_workflows.log.text import visible

__all__ = ["configure_logs", "get_logger", "visible"]


_preparing = threading.Lock()
_to_prepare: list[Callable[[], None]] = []
"""What is to be done before the first line is written."""


class _Log:
    """A logger by name, with the methods of one of structlog."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, method: str) -> Any:
        if method.startswith("_"):  # what copies or inspects it asks for such
            raise AttributeError(method)
        import structlog  # noqa: PLC0415  # the reason for this class

        with _preparing:
            while _to_prepare:
                _to_prepare.pop()()
        return getattr(structlog.get_logger(self._name), method)


def get_logger(name: str) -> Any:
    """Return the logger of the module ``name``, as :func:`structlog.get_logger` does."""
    return _Log(name)


def configure_logs(*, style: Literal["text", "json"], level: str) -> None:
    """Send log lines to standard error; for programs whose log is their own (inside Airflow, Airflow's set-up stays).

    :param style: ``text`` for a person, ``json`` for a machine.
    :param level: the least severe level that is written: debug, info, warning or error.
    """

    def set_up() -> None:
        from ao_workflows.log.lines import set_up_lines  # noqa: PLC0415  # loads structlog

        set_up_lines(style=style, level=level)

    with _preparing:
        _to_prepare[:] = [set_up]
        if "structlog" in sys.modules:
            _to_prepare.pop()()
