"""NoFoldersInImageGroups: an image group holds files only."""

import os
from collections.abc import Iterator
from typing import ClassVar

from ao_workflows.audit.contract import ARCHIVE, IMAGES, AuditedWork, AuditTest
from ao_workflows.audit.findings import AuditFinding


class NoFoldersInImageGroups(AuditTest):
    """No image group has a folder in it; hidden folders are ignored."""

    key = "NoFoldersInImageGroups"
    summary = "Image groups hold no folders."
    kinds = (ARCHIVE, IMAGES)
    errors: ClassVar = {103: "A folder stands in an image group.", 104: "An image group holds folders."}

    def run(self, work: AuditedWork) -> Iterator[AuditFinding]:
        """See the contract."""
        for group in work.groups:
            with os.scandir(group.path) as entries:
                folders = sorted(
                    entry.name
                    for entry in entries
                    if not entry.name.startswith(".") and entry.is_dir(follow_symlinks=False)
                )
            for name in folders:
                yield self.finding(
                    work, 103, group.path / name, f"The folder {name!r} stands in the image group {group.name!r}."
                )
            if folders:
                count = "1 folder" if len(folders) == 1 else f"{len(folders)} folders"
                yield self.finding(
                    work, 104, group.path, f"The image group {group.name!r} in {group.kind} holds {count}."
                )
