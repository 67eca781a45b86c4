"""What was found, kept within bounds: of something made to be wrong in a million places, the first will do."""

from collections.abc import Iterable

from ao_workflows.bags.text import counted, shown
from ao_workflows.errors import Finding

MAX_FINDINGS = 10_000
"""Findings that are kept of one bag, or of one zip as a whole; errors and warnings each for themselves."""

MORE = "more-problems"


class FindingLog:
    """Findings in the order in which they were made: the first :data:`MAX_FINDINGS` are kept, the others counted."""

    def __init__(self) -> None:
        self._kept: list[Finding] = []
        self._more = 0

    def __len__(self) -> int:
        return len(self._kept) + self._more

    def add(self, finding: Finding) -> None:
        """Keep one finding, or count it; one that stands for many counts for all of them."""
        if finding.code == MORE:
            self._more += number_of([finding])
        elif len(self._kept) < MAX_FINDINGS:
            self._kept.append(finding)
        else:
            self._more += 1

    def extend(self, findings: Iterable[Finding]) -> None:
        """Keep or count several findings."""
        for finding in findings:
            self.add(finding)

    def as_tuple(self) -> tuple[Finding, ...]:
        """Return what was kept; if that is not all, the last says in ``found`` how many more there were."""
        if not self._more:
            return tuple(self._kept)
        message = f"there are {counted(self._more, 'more problem')}, which are not listed."
        return (*self._kept, Finding(code=MORE, path="", message=message, found=str(self._more)))


class Findings:
    """Errors and warnings, kept apart."""

    def __init__(self) -> None:
        self.errors = FindingLog()
        self.warnings = FindingLog()

    def error(self, code: str, path: str, message: str, *, expected: object = None, found: object = None) -> None:
        """Add an error."""
        self.errors.add(_finding(code, path, message, expected, found))

    def warn(self, code: str, path: str, message: str, *, expected: object = None, found: object = None) -> None:
        """Add a warning."""
        self.warnings.add(_finding(code, path, message, expected, found))


def number_of(findings: Iterable[Finding]) -> int:
    """Return how many findings there were, those that are only counted included."""
    return sum(int(finding.found or 0) if finding.code == MORE else 1 for finding in findings)


def _finding(code: str, path: str, message: str, expected: object, found: object) -> Finding:
    return Finding(
        code=code,
        path=shown(path),
        message=message,
        expected=None if expected is None else str(expected),
        found=None if found is None else str(found),
    )
