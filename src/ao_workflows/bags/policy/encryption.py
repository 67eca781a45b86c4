"""Encrypted entries cannot be verified."""

from collections.abc import Iterator

from ao_workflows.bags.text import quoted, shown
from ao_workflows.bags.zip import Directory, ZipLimits
from ao_workflows.bags.zip.model import FLAG_ENCRYPTED, FLAG_MASKED, FLAG_STRONG_ENCRYPTION
from ao_workflows.errors import Finding

CODE = "zip-encrypted"


def check(directory: Directory, _limits: ZipLimits) -> Iterator[Finding]:
    """Yield a finding for each encrypted entry."""
    for entry in directory.entries:
        if entry.flags & (FLAG_ENCRYPTED | FLAG_STRONG_ENCRYPTION | FLAG_MASKED):
            yield Finding(code=CODE, path=shown(entry.name), message=f"{quoted(entry.name)} is encrypted.")
