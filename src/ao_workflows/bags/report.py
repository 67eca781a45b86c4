"""What was found out about a source and its bags, as values and as the JSON that scripts read."""

from dataclasses import dataclass
from typing import Any

from ao_workflows.bags.findings import number_of
from ao_workflows.bags.text import counted
from ao_workflows.errors import ContentRejected, Finding

CHECKSUM_MISMATCH = "checksum-mismatch"
CRC_MISMATCH = "zip-crc-mismatch"
DATA_DAMAGED = "zip-data-damaged"
SIZE_DIFFERS = "zip-size-differs"

_ABOUT_CONTENT = frozenset({CHECKSUM_MISMATCH, CRC_MISMATCH, DATA_DAMAGED, SIZE_DIFFERS})
"""Errors that leave a bag complete (RFC 8493 section 3): everything is there, but not as it was."""


SHOWN_WHOLE = 40
"""Values of up to so many characters are shown whole in a message; a checksum is longer from SHA-224 on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BagReport:
    """What was found in one bag.

    :param name: the bag's folder, or the zip's name where the zip itself is the bag.
    :param version: of BagIt, empty where it could not be read.
    :param files: payload files; ``bytes``: what they have together.
    """

    name: str
    version: str
    errors: tuple[Finding, ...]
    warnings: tuple[Finding, ...]
    files: int
    bytes: int

    @property
    def valid(self) -> bool:
        """Whether it is complete and every checksum is right."""
        return not self.errors

    @property
    def complete(self) -> bool:
        """Whether everything that belongs to it is there, well-formed and listed.

        Not known, and so not said, where there are more problems than are kept.
        """
        return all(error.code in _ABOUT_CONTENT for error in self.errors)

    def as_dict(self) -> dict[str, Any]:
        """The report as the command line prints it in JSON."""
        return {
            "name": self.name,
            "version": self.version,
            "errors": [finding.as_dict() for finding in self.errors],
            "warnings": [finding.as_dict() for finding in self.warnings],
            "files": self.files,
            "bytes": self.bytes,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceReport:
    """What was found in a zip or a bag folder.

    :param errors: about the zip as a whole, or a work in it that is no bag; ``warnings`` likewise. A plain zip of works
        has no bags: it is valid when every CRC is right, with a warning for each work that no manifest vouches for it.
    """

    source: str
    bags: tuple[BagReport, ...] = ()
    errors: tuple[Finding, ...] = ()
    warnings: tuple[Finding, ...] = ()

    @property
    def valid(self) -> bool:
        """Whether nothing at all is wrong."""
        return not self.errors and all(bag.valid for bag in self.bags)

    @property
    def complete(self) -> bool:
        """Whether nothing is missing, though its content may be wrong."""
        return all(error.code in _ABOUT_CONTENT for error in self.errors) and all(bag.complete for bag in self.bags)

    @property
    def all_errors(self) -> tuple[Finding, ...]:
        """Every error, those of the zip first; a bag's paths are relative to the bag."""
        return self.errors + tuple(error for bag in self.bags for error in bag.errors)

    def as_dict(self) -> dict[str, Any]:
        """The report as the command line prints it in JSON.

        ``errors`` and ``warnings`` at the top are there only when there are findings outside of any bag.
        """
        document: dict[str, Any] = {
            "source": self.source,
            "valid": self.valid,
            "complete": self.complete,
            "bags": [bag.as_dict() for bag in self.bags],
        }
        if self.errors:
            document["errors"] = [finding.as_dict() for finding in self.errors]
        if self.warnings:
            document["warnings"] = [finding.as_dict() for finding in self.warnings]
        return document


def _short(value: str) -> str:
    """Return enough of a checksum to tell it from another; the findings have it whole."""
    return value if len(value) <= SHOWN_WHOLE else f"{value[:12]}…"


class BagRejected(ContentRejected):
    """A source that may not be unpacked, or whose bags are not valid.

    :param report: everything that is wrong. The message and the code are of what tells most: the first checksum that
        differs, else the first problem.
    """

    code = "bag-rejected"

    def __init__(self, report: SourceReport) -> None:
        errors = report.all_errors
        named = [(report.source, error) for error in report.errors]
        named += [(f"{report.source}, {bag.name}", error) for bag in report.bags for error in bag.errors]
        # A checksum with both of its sides tells more than whatever else came first.
        where, first = min(named, key=lambda pair: (pair[1].code != CHECKSUM_MISMATCH, pair[1].expected is None))
        message = f"{where}: {first.message}"
        if first.expected is not None and first.found is not None:
            message = f"{message.rstrip('.')}: expected {_short(first.expected)}, found {_short(first.found)}."
        number = number_of(errors)
        if number > 1:
            message = f"{message} And {counted(number - 1, 'more problem')}."
        super().__init__(
            message,
            action="Nothing was delivered, and the source is as it was. `ao bag verify` lists every problem; have the "
            "bag made and sent again.",
            code=first.code,
            findings=errors,
        )
        self.report = report
