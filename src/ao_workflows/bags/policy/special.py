"""Only files and folders: no symbolic links, devices, pipes or sockets.

Permission bits are not looked at: they are never applied.
"""

import stat
from collections.abc import Iterator

from ao_workflows.bags.text import quoted, shown
from ao_workflows.bags.zip import Directory, ZipLimits
from ao_workflows.errors import Finding

CODE = "zip-special-file"
_KINDS = {
    stat.S_IFLNK: "a symbolic link",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
}


def check(directory: Directory, _limits: ZipLimits) -> Iterator[Finding]:
    """Yield a finding for each entry whose mode says that it is neither a file nor a folder."""
    for entry in directory.entries:
        kind = stat.S_IFMT(entry.mode)
        if kind in {0, stat.S_IFREG} or (kind == stat.S_IFDIR and entry.is_folder):
            continue
        what = (
            "a folder by its mode and a file by its name"
            if kind == stat.S_IFDIR
            else _KINDS.get(kind, "of an unknown kind")
        )
        yield Finding(
            code=CODE,
            path=shown(entry.name),
            message=f"{quoted(entry.name)} is {what}: only files and folders are taken.",
        )
