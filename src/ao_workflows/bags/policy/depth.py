"""Folders may be nested only so deep."""

from collections.abc import Iterator

from ao_workflows.bags.text import quoted, shown
from ao_workflows.bags.zip import ZipLimits
from ao_workflows.errors import Finding

CODE = "name-too-deep"


def check(name: str, limits: ZipLimits) -> Iterator[Finding]:
    """Yield a finding if ``name`` has more parts than are allowed."""
    parts = name.removesuffix("/").count("/") + 1
    if parts > limits.depth:
        message = f"{quoted(name)} is nested too deep: {parts} levels, {limits.depth} are allowed."
        yield Finding(
            code=CODE, path=shown(name), message=message, expected=f"at most {limits.depth}", found=str(parts)
        )
