"""NoFilesInFolder: a work's root holds folders only."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

from ao_workflows.audit.contract import AuditedWork, AuditTest
from ao_workflows.audit.findings import AuditFinding


class NoFilesInFolder(AuditTest):
    """Everything in the work's root has to be a folder; hidden files are ignored."""

    key = "NoFilesInFolder"
    summary = "The work's root holds only folders."
    errors: ClassVar = {102: "A file stands in the work's root."}

    def run(self, work: AuditedWork) -> Iterator[AuditFinding]:
        """See the contract."""
        with os.scandir(work.root) as entries:
            names = sorted(
                entry.name
                for entry in entries
                if not entry.name.startswith(".") and not stat.S_ISDIR(entry.stat(follow_symlinks=False).st_mode)
            )
        for name in names:
            path = Path(work.root, name)
            yield self.finding(work, 102, path, f"{name!r} stands in the work's root, where only folders belong.")
