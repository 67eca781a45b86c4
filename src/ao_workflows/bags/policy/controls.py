"""No control characters in names: they end strings (NUL), break lists of files, and steer terminals."""

import unicodedata
from collections.abc import Iterator

from ao_workflows.bags.text import quoted, shown
from ao_workflows.bags.zip import ZipLimits
from ao_workflows.errors import Finding

CODE = "name-control-character"


def check(name: str, _limits: ZipLimits) -> Iterator[Finding]:
    """Yield a finding if ``name`` holds a character of Unicode's category Cc."""
    if not name.isprintable() and any(unicodedata.category(character) == "Cc" for character in name):
        yield Finding(code=CODE, path=shown(name), message=f"{quoted(name)} has a control character in its name.")
