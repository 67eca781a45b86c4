"""A name has to be relative, with ``/`` between its parts: no root, drive, server or backslash."""

import re
from collections.abc import Iterator

from ao_workflows.bags.text import quoted, shown
from ao_workflows.bags.zip import ZipLimits
from ao_workflows.errors import Finding

ABSOLUTE = "name-absolute"
BACKSLASH = "name-backslash"
_ABSOLUTE = re.compile(r"[/\\]|[A-Za-z]:")


def check(name: str, _limits: ZipLimits) -> Iterator[Finding]:
    """Yield a finding for an absolute name, and one for backslashes, which some systems read as separators."""
    if _ABSOLUTE.match(name):
        message = f"{quoted(name)} names a place on the machine (root, drive or server), not one in the zip."
        yield Finding(code=ABSOLUTE, path=shown(name), message=message)
    if "\\" in name:
        message = f"{quoted(name)} has a backslash, which some systems read as a folder separator."
        yield Finding(code=BACKSLASH, path=shown(name), message=message)
