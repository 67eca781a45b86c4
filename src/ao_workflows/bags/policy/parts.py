"""Each part of a name names something: no empty part, no ``.``."""

from collections.abc import Iterator

from ao_workflows.bags.text import quoted, shown
from ao_workflows.bags.zip import ZipLimits
from ao_workflows.errors import Finding

CODE = "name-empty-part"


def check(name: str, _limits: ZipLimits) -> Iterator[Finding]:
    """Yield a finding if a part of ``name`` is empty or ``.``; the slash that ends a folder's name is no part."""
    if not {"", "."}.isdisjoint(name.removesuffix("/").split("/")):
        yield Finding(code=CODE, path=shown(name), message=f'{quoted(name)} has an empty part or "." in its name.')
