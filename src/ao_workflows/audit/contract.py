"""What an audit test is: the class that every test in ``checks/`` derives from."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Self

from ao_workflows.audit.findings import AuditFinding
from ao_workflows.audit.properties import AuditProperties
from ao_workflows.errors import AoError
from ao_workflows.works import WorkStructure

ARCHIVE = "archive"
IMAGES = "images"


class AuditTest(ABC):
    """One audit test.

    A test does not know what else runs, and keeps nothing between two works. It reports and goes on: raising is
    for what it cannot judge. An ``OSError`` from the disk may leave it as it is.

    :cvar key: the name by which it is chosen, and under which it reports.
    :cvar summary: its rule in one line.
    :cvar kinds: the kinds of image groups (``images``, ``archive``) that a work must have for it.
    :cvar errors: the error numbers that it can report, each with its meaning.
    """

    key: ClassVar[str]
    summary: ClassVar[str]
    kinds: ClassVar[tuple[str, ...]] = ()
    errors: ClassVar[Mapping[int, str]]

    @abstractmethod
    def run(self, work: WorkStructure, properties: AuditProperties) -> Iterable[AuditFinding]:
        """Yield what is wrong with ``work``; severities are set afterwards, from ``properties``."""

    def finding(self, work: WorkStructure, error: int, path: Path, message: str) -> AuditFinding:
        """Return a finding of this test about ``path``, a file or folder of ``work``."""
        return AuditFinding(self.key, error, path.relative_to(work.root).as_posix(), message)


class BrokenAt(Exception):
    """Carries the path that a test was busy with when it broke; never leaves the audit."""

    def __init__(self, path: Path) -> None:
        super().__init__(str(path))
        self.path = path


class examining:  # noqa: N801 - used like a function in a with statement
    """Say which file a test is busy with, so that a test that breaks can be reported with it."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(error, Exception) and not isinstance(error, (AoError, BrokenAt)):
            raise BrokenAt(self._path) from error
