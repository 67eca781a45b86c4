"""What an audit test is: the class that every test in ``checks/`` derives from."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Self

from ao_workflows.audit.findings import AuditFinding
from ao_workflows.audit.images import Gallery, ImageFacts
from ao_workflows.audit.properties import AuditProperties
from ao_workflows.errors import AoError
from ao_workflows.works import ImageGroup, Layout, WorkStructure

ARCHIVE = "archive"
IMAGES = "images"


@dataclass(frozen=True, slots=True)
class AuditedWork:
    """A work as the tests see it."""

    structure: WorkStructure
    properties: AuditProperties
    _gallery: Gallery = field(default_factory=Gallery)

    @property
    def root(self) -> Path:
        """The work's folder."""
        return self.structure.root

    @property
    def layout(self) -> Layout:
        """How its folders are nested."""
        return self.structure.layout

    @property
    def groups(self) -> tuple[ImageGroup, ...]:
        """Its image groups of all kinds."""
        return self.structure.groups

    def groups_of(self, kind: str) -> tuple[ImageGroup, ...]:
        """Return its image groups of one kind, in name order."""
        return self.structure.groups_of(kind)

    def images_of(self, group: ImageGroup) -> tuple[ImageFacts, ...]:
        """Return what is known of each image in a group, by name. :raises OSError: if the disk fails."""
        # Blank masters are nobody's question, and to look at all of their pixels takes time.
        return self._gallery.images_of(group.path, with_ink=group.kind == IMAGES)

    def images_elsewhere(self) -> tuple[tuple[Path, ImageFacts], ...]:
        """Return the path and what is known of each image and PDF outside of the image groups, in order.

        Those are known by their names; raw formats of cameras are not among them. A test that asks for them says so
        (``looks_elsewhere``).

        :raises OSError: if the disk fails.
        """
        return self._gallery.images_elsewhere(self.root, [group.path for group in self.groups])


class AuditTest(ABC):
    """One audit test.

    A test does not know what else runs, and keeps nothing between two works. It reports and goes on: raising is
    for what it cannot judge. An ``OSError`` from the disk may leave it as it is.

    :cvar key: the name by which it is chosen, and under which it reports.
    :cvar summary: its rule in one line.
    :cvar kinds: the kinds of image groups (``images``, ``archive``) that a work must have for it.
    :cvar errors: the error numbers that it can report, each with its meaning.
    :cvar needs_pixels: whether it asks for the pixels of images, which takes a hundred times longer than their headers.
    :cvar looks_elsewhere: whether it asks for the images outside of the image groups, which progress has to count.
    :cvar warnings: those among them that do not fail an audit, unless ``WarningsAsError`` names them.
    """

    key: ClassVar[str]
    summary: ClassVar[str]
    kinds: ClassVar[tuple[str, ...]] = ()
    errors: ClassVar[Mapping[int, str]]
    warnings: ClassVar[frozenset[int]] = frozenset()
    needs_pixels: ClassVar[bool] = False
    looks_elsewhere: ClassVar[bool] = False

    @abstractmethod
    def run(self, work: AuditedWork) -> Iterable[AuditFinding]:
        """Yield what is wrong with ``work``; severities are set afterwards, from its properties."""

    def finding(self, work: AuditedWork, error: int, path: Path, message: str) -> AuditFinding:
        """Return a finding of this test about ``path``, a file or folder of ``work``."""
        return AuditFinding(self.key, error, path.relative_to(work.root).as_posix(), message)


class ImageTest(AuditTest):
    """A test that looks at each image by itself, in every image group of its kinds."""

    @abstractmethod
    def check(self, image: ImageFacts, group: ImageGroup, properties: AuditProperties) -> Iterator[tuple[int, str]]:
        """Yield an error number and a sentence for everything that is wrong with ``image``."""

    def run(self, work: AuditedWork) -> Iterator[AuditFinding]:
        """See the contract."""
        for group in work.groups:
            if group.kind in self.kinds:
                for image in work.images_of(group):
                    path = group.path / image.name
                    with examining(path):
                        found = list(self.check(image, group, work.properties))
                    for error, message in found:
                        yield self.finding(work, error, path, message)


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
