"""ImagePairing: each page is there as a master and as a web image."""

from collections.abc import Iterator
from typing import ClassVar

from ao_workflows.audit.checks.file_sequence import Sequence, read_sequence
from ao_workflows.audit.contract import ARCHIVE, IMAGES, AuditedWork, AuditTest
from ao_workflows.audit.findings import AuditFinding
from ao_workflows.works import ImageGroup


class ImagePairing(AuditTest):
    """The page numbers of a group are the same in ``images/`` and ``archive/``.

    A page without a web image is not seen by any reader; one without a master cannot be made again. Warnings, because
    a group may have been scanned in another way than it is shown, such as two pages to a picture.
    """

    key = "ImagePairing"
    summary = "Each page of an image group is there as a master and as a web image."
    kinds = (ARCHIVE, IMAGES)
    errors: ClassVar = {130: "A master has no web image.", 131: "A web image has no master."}
    warnings = frozenset({130, 131})

    def run(self, work: AuditedWork) -> Iterator[AuditFinding]:
        """See the contract."""
        masters = {group.name: group for group in work.groups_of(ARCHIVE)}
        for group in work.groups_of(IMAGES):
            if group.name in masters:
                ours, theirs = _sequence(work, masters[group.name]), _sequence(work, group)
                yield from self._unmatched(work, 130, masters[group.name], ours, theirs)
                yield from self._unmatched(work, 131, group, theirs, ours)

    def _unmatched(
        self, work: AuditedWork, error: int, group: ImageGroup, pages: Sequence, others: Sequence
    ) -> Iterator[AuditFinding]:
        where = IMAGES if group.kind == ARCHIVE else ARCHIVE
        for number in sorted(pages.pages.keys() - others.pages.keys()):
            name = pages.pages[number][0]
            message = f"{name!r} has no page {number:04d} beside it in {where}."
            yield self.finding(work, error, group.path / name, message)


def _sequence(work: AuditedWork, group: ImageGroup) -> Sequence:
    return read_sequence(image.name for image in work.images_of(group))
