"""The settings of an audit, and reading them from ``key=value`` text."""

import difflib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ao_workflows.audit.findings import NOT_AUDITED, Severity
from ao_workflows.errors import UsageError

ERRORS_AS_WARNING = "ErrorsAsWarning"
WARNINGS_AS_ERROR = "WarningsAsError"
MAXIMUM_IMAGE_FILE_SIZE = "MaximumImageFileSize"
_SHARES = {
    "BlankPageInk": "blank_page_ink",
    "SizeOutlierRatio": "size_outlier_ratio",
    "MajorityShare": "majority_share",
}
_RULES = {
    ERRORS_AS_WARNING: "errors_as_warning",
    WARNINGS_AS_ERROR: "warnings_as_error",
    MAXIMUM_IMAGE_FILE_SIZE: "maximum_image_file_size",
    **_SHARES,
}
"""The properties, each with its name in :class:`AuditRules`."""

_FIXED = {"ArchiveImageGroupParent": "archive", "DerivedImageGroupParent": "images"}
"""What properties files of the audit tool before this one may say, too, and what has one value only."""

BAD_SIZE = 113
"""The number of what is wrong with a limit that is none; the audit does not begin then."""

_SIZE = re.compile(r"([0-9]{1,15})([KMG]?)", re.IGNORECASE | re.ASCII)
_SHARE = re.compile(r"0?\.[0-9]{1,9}|0|1(?:\.0{1,9})?", re.ASCII)
_UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30}
_DIGITS = 9
"""The longest error number that is read; Python itself refuses to read numbers of thousands of digits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditProperties:
    """What can be set about an audit.

    :param errors_as_warning: error numbers that are reported and do not fail the audit.
    :param warnings_as_error: error numbers that fail the audit although their test takes them for warnings.
    :param maximum_image_file_size: bytes that a web image may have.
    :param blank_page_ink: the share of pixels unlike paper that a blank page may have, 0 to 1.
    :param size_outlier_ratio: an image narrower or lower than this share of what is usual in its group, 0 to 1, or
        for which the usual is that small beside it, is an outlier.
    :param majority_share: the share of a group's images, 0 to 1, that makes what they have in common its rule.
    """

    errors_as_warning: frozenset[int] = frozenset()
    warnings_as_error: frozenset[int] = frozenset()
    maximum_image_file_size: int = 400 << 10
    blank_page_ink: float = 0.0005
    size_outlier_ratio: float = 0.6
    majority_share: float = 0.9

    def __post_init__(self) -> None:
        if both := sorted(self.errors_as_warning & self.warnings_as_error):
            raise UsageError(
                f"Error {both[0]} is in {ERRORS_AS_WARNING} and in {WARNINGS_AS_ERROR}.",
                action="Take it out of one of the two.",
            )
        if NOT_AUDITED in self.errors_as_warning:
            raise UsageError(
                f"Error {NOT_AUDITED} (a test could not do its work) cannot be made a warning.",
                action="Leave that test out by naming the tests to run instead.",
            )

    def severity_of(self, error: int, *, mild: bool = False) -> Severity:
        """Return how much the error number weighs. :param mild: whether it is a warning when nobody says otherwise."""
        is_warning = error in self.errors_as_warning or (mild and error not in self.warnings_as_error)
        return Severity.WARNING if is_warning else Severity.ERROR


def with_rules(properties: AuditProperties, rules: Mapping[str, Any]) -> AuditProperties:
    """Return ``properties`` with ``rules``, which are stronger, and are named as in :class:`AuditRules`.

    A number that they make a warning is no error any more because of a weaker place, and the other way round.
    """
    warnings, errors = (rules.get(key) for key in ("errors_as_warning", "warnings_as_error"))
    size = rules.get("maximum_image_file_size")
    return AuditProperties(
        errors_as_warning=properties.errors_as_warning - (errors or frozenset()) if warnings is None else warnings,
        warnings_as_error=properties.warnings_as_error - (warnings or frozenset()) if errors is None else errors,
        maximum_image_file_size=properties.maximum_image_file_size if size is None else parse_size(size),
        **{key: rules.get(key, getattr(properties, key)) for key in _SHARES.values()},
    )


def parse_properties(assignments: Iterable[str], *, base: AuditProperties | None = None) -> AuditProperties:
    """Return ``base`` (the defaults when not given) with each ``key=value`` of ``assignments`` set.

    :raises UsageError: see :func:`assigned`.
    """
    return with_rules(base or AuditProperties(), assigned(assignments))


def assigned(assignments: Iterable[str]) -> dict[str, Any]:
    """Return what each ``key=value`` of ``assignments`` says, named as in :class:`AuditRules`; the last one wins.

    ``ErrorsAsWarning`` and ``WarningsAsError`` are lists of error numbers with commas between them, empty for none;
    ``MaximumImageFileSize`` a number of bytes, or with ``K``, ``M`` or ``G`` after it of 1,024 bytes, and so on;
    ``BlankPageInk``, ``SizeOutlierRatio`` and ``MajorityShare`` numbers from 0 to 1.

    :raises UsageError: for an unknown key, a text without ``=``, or a value that the key cannot have.
    """
    rules: dict[str, Any] = {}
    for assignment in assignments:
        key, separator, value = assignment.partition("=")
        key = key.strip()
        if not separator:
            raise UsageError(f"{assignment!r} sets no audit property.", action="Write it as key=value.")
        if key in _FIXED:
            if value.strip() != _FIXED[key]:
                raise UsageError(f"{key} is always {_FIXED[key]!r} here.", action="Leave it out.")
            continue
        if key not in _RULES:
            raise unknown(key, _RULES, what="an audit property")
        if key == MAXIMUM_IMAGE_FILE_SIZE:
            parse_size(value)
            rules[_RULES[key]] = value.strip()
        elif key in _SHARES:
            rules[_RULES[key]] = _share(key, value)
        else:
            rules[_RULES[key]] = _error_numbers(key, value)
    return rules


def written(rule: str, value: Any) -> str:
    """Return the ``key=value`` that says a rule of :class:`AuditProperties`, by the rule's name."""
    key = next(key for key, name in _RULES.items() if name == rule)
    if isinstance(value, frozenset):
        return f"{key}={','.join(map(str, sorted(value)))}"
    return f"{key}={value:.9f}" if isinstance(value, float) else f"{key}={value}"


def parse_size(text: str) -> int:
    """Return the bytes that a size such as ``2200K`` means.

    :raises UsageError: (``audit-113``) if it is none, or nothing would fit.
    """
    match = _SIZE.fullmatch(text.strip())
    size = int(match[1]) * _UNITS[match[2].upper()] if match else 0
    if not size:
        raise UsageError(
            f"{MAXIMUM_IMAGE_FILE_SIZE} is {text[:40]!r}, which is no size.",
            action=f"Write a number of bytes, or with K, M or G: {MAXIMUM_IMAGE_FILE_SIZE}=2200K.",
            code=f"audit-{BAD_SIZE}",
        )
    return size


def unknown(name: str, known: Iterable[str], *, what: str) -> UsageError:
    """Return the error for a name that nothing has, with the nearest name that something has."""
    names = sorted(known)
    by_lower = {candidate.lower(): candidate for candidate in names}
    nearest = difflib.get_close_matches(name.lower(), by_lower, n=1, cutoff=0.4)
    action = f"Did you mean {by_lower[nearest[0]]}?" if nearest else f"Known are: {', '.join(names)}."
    return UsageError(f"{name!r} is not {what}.", action=action)


def _share(key: str, text: str) -> float:
    if not _SHARE.fullmatch(text.strip()):
        raise UsageError(f"{key} is {text[:40]!r}.", action=f"Write a number from 0 to 1, such as {key}=0.6.")
    return float(text)


def _error_numbers(key: str, text: str) -> frozenset[int]:
    numbers = [part.strip() for part in text.split(",") if part.strip()]
    for number in numbers:
        if not (number.isascii() and number.isdigit() and len(number) <= _DIGITS):
            raise UsageError(
                f"{key} has {number[:40]!r}, which is no error number.",
                action=f"Write numbers with commas between them, such as {key}=111,115.",
            )
    return frozenset(map(int, numbers))
