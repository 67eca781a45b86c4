"""ArchiveFormat: masters are of formats that last, and no poorer than what was made from them."""

from collections.abc import Iterator
from typing import ClassVar

from ao_workflows.audit.checks.file_sequence import page_number
from ao_workflows.audit.contract import ARCHIVE, IMAGES, AuditedWork, AuditTest
from ao_workflows.audit.findings import AuditFinding
from ao_workflows.audit.images import ImageFacts

ALLOWED = frozenset({"TIFF", "JPEG", "JPEG2000"})
"""What masters are; the raw formats of most cameras have the structure of a TIFF, and count as that."""


class ArchiveFormat(AuditTest):
    """The content of each master is TIFF, JPEG or JPEG 2000, and it has no fewer pixels than its web image.

    A master that is smaller than its derivative is a derivative itself, put into the wrong folder. Warnings, because
    older works were scanned to other rules.
    """

    key = "ArchiveFormat"
    summary = "Masters are TIFF, JPEG or JPEG 2000, and not smaller in pixels than their web images."
    kinds = (ARCHIVE,)
    errors: ClassVar = {160: "A master is of another format.", 161: "A master has fewer pixels than its web image."}
    warnings = frozenset({160, 161})

    def run(self, work: AuditedWork) -> Iterator[AuditFinding]:
        """See the contract."""
        web = {group.name: group for group in work.groups_of(IMAGES)}
        for group in work.groups_of(ARCHIVE):
            derived = work.images_of(web[group.name]) if group.name in web else ()
            by_page: dict[int | None, ImageFacts] = {
                number: image for image in derived if (number := page_number(image.name)) is not None
            }
            for image in work.images_of(group):
                found = _problem(image, by_page.get(page_number(image.name)))
                if found:
                    yield self.finding(work, found[0], group.path / image.name, found[1])


def _problem(master: ImageFacts, derived: ImageFacts | None) -> tuple[int, str] | None:
    if master.format not in ALLOWED:
        found = master.problem or f"is {master.format}"
        return 160, f"{master.name!r} {found}; masters are {', '.join(sorted(ALLOWED))}."
    if derived is not None and master.width * master.height < derived.width * derived.height:
        sizes = f"{master.width} by {master.height} pixels, its web image {derived.width} by {derived.height}"
        return 161, f"{master.name!r} has {sizes}."
    return None
