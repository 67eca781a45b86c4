"""The settings of an audit, and reading them from ``key=value`` text."""

import difflib
from collections.abc import Iterable
from dataclasses import dataclass, replace

from ao_workflows.audit.findings import NOT_AUDITED, Severity
from ao_workflows.errors import UsageError

ERRORS_AS_WARNING = "ErrorsAsWarning"
_KEYS = (ERRORS_AS_WARNING,)
_DIGITS = 9
"""The longest error number that is read; Python itself refuses to read numbers of thousands of digits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditProperties:
    """What can be set about an audit.

    :param errors_as_warning: error numbers that are reported and do not fail the audit.
    """

    errors_as_warning: frozenset[int] = frozenset()

    def __post_init__(self) -> None:
        if NOT_AUDITED in self.errors_as_warning:
            raise UsageError(
                f"Error {NOT_AUDITED} (a test could not do its work) cannot be made a warning.",
                action="Leave that test out by naming the tests to run instead.",
            )

    def severity_of(self, error: int) -> Severity:
        """Return how much the error number weighs."""
        return Severity.WARNING if error in self.errors_as_warning else Severity.ERROR


def parse_properties(assignments: Iterable[str], *, base: AuditProperties | None = None) -> AuditProperties:
    """Return ``base`` (the defaults when not given) with each ``key=value`` of ``assignments`` set; the last one wins.

    ``ErrorsAsWarning`` is a list of error numbers with commas between them, empty for none.

    :raises UsageError: for an unknown key, a text without ``=``, or a value that the key cannot have.
    """
    properties = base or AuditProperties()
    for assignment in assignments:
        key, separator, value = assignment.partition("=")
        key = key.strip()
        if not separator:
            raise UsageError(f"{assignment!r} sets no audit property.", action="Write it as key=value.")
        if key != ERRORS_AS_WARNING:
            raise unknown(key, _KEYS, what="an audit property")
        properties = replace(properties, errors_as_warning=_error_numbers(value))
    return properties


def unknown(name: str, known: Iterable[str], *, what: str) -> UsageError:
    """Return the error for a name that nothing has, with the nearest name that something has."""
    names = sorted(known)
    by_lower = {candidate.lower(): candidate for candidate in names}
    nearest = difflib.get_close_matches(name.lower(), by_lower, n=1, cutoff=0.4)
    action = f"Did you mean {by_lower[nearest[0]]}?" if nearest else f"Known are: {', '.join(names)}."
    return UsageError(f"{name!r} is not {what}.", action=action)


def _error_numbers(text: str) -> frozenset[int]:
    numbers = [part.strip() for part in text.split(",") if part.strip()]
    for number in numbers:
        if not (number.isascii() and number.isdigit() and len(number) <= _DIGITS):
            raise UsageError(
                f"{ERRORS_AS_WARNING} has {number[:40]!r}, which is no error number.",
                action=f"Write numbers with commas between them, such as {ERRORS_AS_WARNING}=111,115.",
            )
    return frozenset(map(int, numbers))
