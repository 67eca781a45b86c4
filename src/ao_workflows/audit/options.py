"""Options of an audit as one types them for ``audit-tool``: where a file holds them as text."""

import re
import shlex
from collections.abc import Iterable

from ao_workflows.errors import UsageError

_BETWEEN_TESTS = re.compile("[:,]")
_BETWEEN_ASSIGNMENTS = re.compile(r":(?=\s*[A-Za-z]+\s*=)")


def read_options(options: Iterable[str]) -> tuple[list[str], list[str]]:
    """Return the tests and the ``key=value`` assignments that ``-T`` and ``-D`` name in ``options``.

    An option and its value may stand in one text, or in two: ``-T FileSequence``, ``-TFileSequence``, or one after the
    other.

    :raises UsageError: for anything else.
    """
    tests: list[str] = []
    define: list[str] = []
    words = iter(_words(options))
    for word in words:
        flag, value = word[:2], word[2:] or next(words, None)
        if flag not in {"-T", "-D"} or value is None:
            raise UsageError(
                f"{word!r} is not -T with a test, nor -D with key=value.", action="Only these two can be set here."
            )
        if flag == "-T":
            tests.extend(split_tests(value))
        else:
            define.extend(split_assignments(value))
    return tests, define


def quoted_options(options: Iterable[str]) -> str:
    """Return ``options`` as one text, each word quoted as a shell wants it, so that a script can split it into them.

    :raises UsageError: if they are anything but ``-T`` and ``-D``, or hold what no variable of an environment can.
    """
    tests, define = read_options(options)
    text = shlex.join(
        [*(word for key in tests for word in ("-T", key)), *(word for each in define for word in ("-D", each))]
    )
    if not text.isprintable():
        raise UsageError("A test or property holds a character that cannot be printed.", action="Take it out.")
    return text


def split_tests(text: str) -> list[str]:
    """Return the keys in a list with ``:`` or ``,`` between them."""
    return [key.strip() for key in _BETWEEN_TESTS.split(text) if key.strip()]


def split_assignments(text: str) -> list[str]:
    """Return the assignments in ``key=value:key=value``; a ``:`` that no key follows is a part of the value."""
    return _BETWEEN_ASSIGNMENTS.split(text)


def _words(options: Iterable[str]) -> list[str]:
    try:
        return [word for option in options for word in shlex.split(option)]
    except ValueError as error:
        raise UsageError(f"A quotation mark has no other: {error}.", action="Close it.") from error
