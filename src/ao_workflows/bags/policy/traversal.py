"""No part of a name may be ``..``, wherever it stands: not even ``a/../b``, which stays inside."""

import re
from collections.abc import Iterator

from ao_workflows.bags.text import quoted, shown
from ao_workflows.bags.zip import ZipLimits
from ao_workflows.errors import Finding

CODE = "name-traversal"


def check(name: str, _limits: ZipLimits) -> Iterator[Finding]:
    """Yield a finding if ``name`` climbs out of a folder, with slashes or backslashes."""
    if ".." in re.split(r"[/\\]", name):
        yield Finding(code=CODE, path=shown(name), message=f'{quoted(name)} climbs out of its folder with "..".')
