"""FileSequence: the pages of an image group are numbered from the first to the last, each once."""

import os
import re
import stat
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import ClassVar

from ao_workflows.audit.contract import ARCHIVE, IMAGES, AuditedWork, AuditTest, examining
from ao_workflows.audit.findings import AuditFinding
from ao_workflows.works import ImageGroup, Layout

_NUMBER = re.compile(r"[0-9]{1,4}\Z")


@dataclass(frozen=True, slots=True)
class Sequence:
    """The page numbers that the names of some files give.

    :param pages: the names of each number, in name order.
    :param unnumbered: names that give no number.
    """

    pages: Mapping[int, tuple[str, ...]]
    unnumbered: tuple[str, ...]

    @property
    def last(self) -> int:
        """The highest number, 0 if there is none."""
        return max(self.pages, default=0)

    def gaps(self) -> Iterator[tuple[int, int]]:
        """Yield the first and last number of each run that is missing.

        Numbering begins with 1; a page 0 before it is no error.
        """
        expected = 1
        for number in sorted(self.pages):
            if number > expected:
                yield expected, number - 1
            expected = number + 1


def page_number(name: str) -> int | None:
    """Return the number at the end of a file's name before its extension, at most its last four digits."""
    match = _NUMBER.search(PurePosixPath(name).stem)
    return int(match[0]) if match else None


def read_sequence(names: Iterable[str]) -> Sequence:
    """Sort file names by the number that they give."""
    pages: dict[int, tuple[str, ...]] = {}
    unnumbered = []
    for name in sorted(names):
        number = page_number(name)
        if number is None:
            unnumbered.append(name)
        else:
            pages[number] = (*pages.get(number, ()), name)
    return Sequence(pages, tuple(unnumbered))


class FileSequence(AuditTest):
    """The trailing digits of the names in each image group run without gap or duplicate.

    Hidden files, folders and ``*.json`` are no pages. A file whose name ends in no digit is reported and counts as
    no page, so it can never stand in for a missing one.
    """

    key = "FileSequence"
    summary = "The page numbers of each image group run without gap or duplicate."
    kinds = (ARCHIVE, IMAGES)
    errors: ClassVar = {
        105: "Page numbers are missing, or a file has none.",
        106: "An image group fails the test.",
        107: "Two files have the same page number.",
        109: "An image group holds fewer pages than its last number says, or none.",
    }

    def run(self, work: AuditedWork) -> Iterator[AuditFinding]:
        """See the contract."""
        if work.layout is Layout.V1:
            yield from self._outside(work)
        for group in work.groups:
            with examining(group.path):
                found = list(self._group(work, group))
            yield from found
            if found:
                count = "1 finding" if len(found) == 1 else f"{len(found)} findings"
                message = f"The image group {group.name!r} in {group.kind} fails the sequence test ({count})."
                yield self.finding(work, 106, group.path, message)

    def _outside(self, work: AuditedWork) -> Iterator[AuditFinding]:
        """Report what stands where no sequence can include it: beside the image groups, or in the other layout."""
        for kind in self.kinds:
            folder = work.root / kind
            if folder.is_dir() and not folder.is_symlink():
                files, others = _list(folder)
                for name in sorted((*files, *others)):
                    message = f"{name!r} stands beside the image groups and belongs to none."
                    yield self.finding(work, 105, folder / name, message)
        for folder in sorted(work.root.iterdir()):
            if (
                "-" in folder.name
                and not folder.name.startswith(".")
                and any((folder / kind).is_dir() for kind in self.kinds)
            ):
                message = (
                    f"{folder.name!r} is an image group of layout V2 in a work of layout V1, and cannot be checked."
                )
                yield self.finding(work, 106, folder, message)

    def _group(self, work: AuditedWork, group: ImageGroup) -> Iterator[AuditFinding]:
        names, others = _list(group.path)
        sequence = read_sequence(names)
        for name in others:
            yield self.finding(work, 105, group.path / name, f"{name!r} is not a regular file, so it is no page.")
        for name in sequence.unnumbered:
            message = f"The name {name!r} does not end in a page number."
            yield self.finding(work, 105, group.path / name, message)
        for first, last in sequence.gaps():
            yield self.finding(work, 105, group.path, _missing(first, last))
        for number, (first_name, *more) in sorted(sequence.pages.items()):
            for name in more:
                message = f"{name!r} has the number {number:04d}, as {first_name!r} has."
                yield self.finding(work, 107, group.path / name, message)
        if not sequence.pages:
            yield self.finding(work, 109, group.path, f"The image group {group.name!r} in {group.kind} holds no page.")
        elif any(sequence.gaps()):
            count = len(sequence.pages)
            message = f"The numbers run to {sequence.last:04d}, but only {count} different ones are there."
            yield self.finding(work, 109, group.path, message)


def _list(folder: os.PathLike[str]) -> tuple[list[str], list[str]]:
    """Return the names of the files in ``folder`` that have to be pages, and of what is neither file nor folder."""
    files, others = [], []
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith(".") or entry.name.lower().endswith(".json"):
                continue
            mode = entry.stat(follow_symlinks=False).st_mode
            if stat.S_ISREG(mode):
                files.append(entry.name)
            elif not stat.S_ISDIR(mode):
                others.append(entry.name)
    return files, sorted(others)


def _missing(first: int, last: int) -> str:
    if first == last:
        return f"Page {first:04d} is missing."
    return f"Pages {first:04d} to {last:04d} are missing ({last - first + 1} pages)."
