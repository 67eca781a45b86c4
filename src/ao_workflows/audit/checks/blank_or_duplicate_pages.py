"""BlankOrDuplicatePages: no page is there twice, and none is empty."""

import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import ClassVar

from ao_workflows.audit.contract import ARCHIVE, IMAGES, AuditedWork, AuditTest, examining
from ao_workflows.audit.findings import AuditFinding

_SAMPLE = 64 << 10
"""Bytes in the middle of a file that tell nearly all files of one size apart, without reading them."""


class BlankOrDuplicatePages(AuditTest):
    """No two masters of the work are the same, byte by byte, nor are two web images; no web image is blank.

    A page that was copied twice stands in for one that is missing. A blank picture is a blank page, or a lamp that
    failed. Warnings: both can be right.
    """

    key = "BlankOrDuplicatePages"
    summary = "No page is there twice in a work, and none is blank."
    kinds = (ARCHIVE, IMAGES)
    needs_pixels = True
    errors: ClassVar = {150: "A web image is blank.", 151: "Two images are the same, byte by byte."}
    warnings = frozenset({150, 151})

    def run(self, work: AuditedWork) -> Iterator[AuditFinding]:
        """See the contract."""
        for group in work.groups_of(IMAGES):
            for image in work.images_of(group):
                if image.ink is not None and image.ink <= work.properties.blank_page_ink:
                    yield self.finding(work, 150, group.path / image.name, f"{image.name!r} is blank.")
        for kind in self.kinds:
            for first, *others in _duplicates(work, kind):
                for path in others:
                    message = f"{path.name!r} is the same file as {first.relative_to(work.root).as_posix()!r}."
                    yield self.finding(work, 151, path, message)


def _duplicates(work: AuditedWork, kind: str) -> Iterator[list[Path]]:
    """Yield the paths of images that are the same, each time those of one content; only files of one size are read."""
    by_size: dict[int, list[Path]] = {}
    for group in work.groups_of(kind):
        for image in work.images_of(group):
            by_size.setdefault(image.size, []).append(group.path / image.name)
    for size, paths in by_size.items():
        if size:
            for alike in _by_digest(paths, (size // 2, _SAMPLE)):
                yield from _by_digest(alike, (0, size))


def _by_digest(paths: Iterable[Path], part: tuple[int, int]) -> Iterator[list[Path]]:
    """Return those of ``paths``, in their order, that have the same bytes in ``part``: an offset and a length."""
    found: dict[bytes, list[Path]] = {}
    for path in paths:
        with examining(path):
            found.setdefault(_digest(path, *part), []).append(path)
    return (alike for alike in found.values() if len(alike) > 1)


def _digest(path: Path, offset: int, length: int) -> bytes:
    digest = hashlib.sha256()
    with open(path, "rb", buffering=0) as file:
        file.seek(offset)
        left = length
        while left and (chunk := file.read(min(left, 1 << 20))):
            digest.update(chunk)
            left -= len(chunk)
    return digest.digest()
