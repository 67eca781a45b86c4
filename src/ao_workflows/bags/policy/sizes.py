"""Sizes that agree with themselves and stay within the limits, for each file and for all together."""

from collections.abc import Iterator

from ao_workflows.bags.text import quoted, shown
from ao_workflows.bags.zip import STORED, Directory, ZipLimits
from ao_workflows.errors import Finding

CONTRADICTION = "zip-size-contradiction"
TOO_LARGE = "zip-too-large"
RATIO = "zip-ratio"


def check(directory: Directory, limits: ZipLimits) -> Iterator[Finding]:
    """Yield a finding for each size that cannot be right, is too large, or would come out of too few bytes."""
    total = 0
    for entry in directory.entries:
        total += entry.size
        if entry.method == STORED and entry.packed != entry.size:
            yield Finding(
                code=CONTRADICTION,
                path=shown(entry.name),
                message=f"{quoted(entry.name)} is stored as it is, and yet its two sizes differ.",
                expected=str(entry.size),
                found=str(entry.packed),
            )
        if entry.size > limits.file_bytes:
            message = f"{quoted(entry.name)} has {entry.size:,} bytes; {limits.file_bytes:,} are allowed."
            yield Finding(code=TOO_LARGE, path=shown(entry.name), message=message)
    if total > limits.total_bytes:
        message = f"all files together have {total:,} bytes; {limits.total_bytes:,} are allowed."
        yield Finding(code=TOO_LARGE, path="", message=message)
    if total > limits.ratio_from and total > limits.ratio * directory.size_of_zip:
        message = (
            f"{total:,} bytes would come out of a zip of {directory.size_of_zip:,}: more than {limits.ratio} to one."
        )
        yield Finding(code=RATIO, path="", message=message)
