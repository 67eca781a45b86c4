"""NameHygiene: no file is empty or left by an operating system, and every name can be kept everywhere."""

import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

from ao_workflows.audit.contract import AuditedWork, AuditTest
from ao_workflows.audit.findings import AuditFinding
from ao_workflows.works import colliding_groups, differ_by_form_only, is_litter

_UNSAFE = re.compile(r'[\x00-\x1f\x7f-\x9f<>:"|?*\\\u200b-\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]|^ |[ .]$')
"""What some system forbids or hides in a name: control characters, what Windows reserves (with a space or a dot at the
end), marks that change the direction of text or are not seen at all, and bytes that are no UTF-8."""


class NameHygiene(AuditTest):
    """All files and folders of the work, wherever they are, have content and harmless names.

    Warnings: nothing is lost by them as long as the files stay where they are; the next copy to a disk of another kind
    may lose or rename some.
    """

    key = "NameHygiene"
    summary = "Nothing is empty or left by an operating system, and all names can be kept everywhere."
    errors: ClassVar = {
        170: "A file or folder was left by an operating system.",
        171: "A file is empty.",
        172: "Two names differ only by upper and lower case, or by the way accents are encoded.",
        173: "A name holds characters that some systems cannot keep.",
    }
    warnings = frozenset({170, 171, 172, 173})

    def run(self, work: AuditedWork) -> Iterator[AuditFinding]:
        """See the contract."""
        for folder, folders, files in os.walk(work.root, onerror=_raise):
            folders.sort()
            place = Path(folder)
            for name in sorted((*folders, *files)):
                yield from self._name(work, place / name)
            for first, *others in colliding_groups((*folders, *files)):
                for name in others:
                    what = "the way its accents are encoded" if differ_by_form_only(name, first) else "case"
                    yield self.finding(work, 172, place / name, f"{name!r} differs from {first!r} only by {what}.")

    def _name(self, work: AuditedWork, path: Path) -> Iterator[AuditFinding]:
        if is_litter(path.name):
            yield self.finding(work, 170, path, f"{path.name!r} was left by an operating system.")
        found = path.lstat()
        if stat.S_ISREG(found.st_mode) and found.st_size == 0:
            yield self.finding(work, 171, path, f"{path.name!r} is empty.")
        if _UNSAFE.search(path.name):
            yield self.finding(work, 173, path, f"{path.name!r} holds characters that some systems cannot keep.")


def _raise(error: OSError) -> None:
    raise error
