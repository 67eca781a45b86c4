"""Names must fit on a file system: 255 bytes a part, and a whole name that leaves room for the destination's path."""

from collections.abc import Iterator

from ao_workflows.bags.text import quoted, shown
from ao_workflows.bags.zip import ZipLimits
from ao_workflows.errors import Finding

CODE = "name-too-long"
PART_BYTES = 255


def check(name: str, limits: ZipLimits) -> Iterator[Finding]:
    """Yield a finding if ``name``, or a part of it, is too long."""
    if len(name) * 4 <= min(PART_BYTES, limits.name_bytes):  # no character has more than four bytes
        return
    whole = len(name.encode("utf-8", "surrogatepass"))
    longest = max(len(part.encode("utf-8", "surrogatepass")) for part in name.split("/"))
    for found, allowed, what in ((longest, PART_BYTES, "a part"), (whole, limits.name_bytes, "the whole")):
        if found > allowed:
            message = f"{quoted(name)} is too long for a file system: {what} has {found} bytes, {allowed} are allowed."
            yield Finding(code=CODE, path=shown(name), message=message, expected=f"at most {allowed}", found=str(found))
