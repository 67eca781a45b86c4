"""Bags and zips for the samples, made by other people's tools: the demo does not test our code with our code."""

import hashlib
import os
import stat
import struct
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from zipfile import ZipFile, ZipInfo

import bagit

_EXTENDED_TIMESTAMP = 0x5455
"""The zip extra field "UT" of Info-ZIP: times in UTC seconds, where the zip's own are local and have no zone."""

_MODIFICATION_TIME_ONLY = 1


def files_below(folder: Path) -> Iterator[Path]:
    """Yield all files below ``folder`` in the order of their paths."""
    return (path for path in sorted(folder.rglob("*")) if path.is_file())


def take_checksums(folder: Path) -> dict[str, str]:
    """Return the SHA-512 of each file below ``folder``, in hex, by its path relative to it."""
    return {path.relative_to(folder).as_posix(): sha512(path) for path in files_below(folder)}


def sha512(path: Path) -> str:
    """Return the SHA-512 of a file in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha512").hexdigest()


def set_time(path: Path, time: datetime) -> None:
    """Set a file's modification time. Even seconds only survive a zip without extended timestamps."""
    os.utime(path, (time.timestamp(), time.timestamp()))


def set_folder_times(folder: Path, time: datetime) -> None:
    """Set the modification time of all folders below ``folder``, once nothing in them will change any more."""
    for path in folder.rglob("*"):
        if path.is_dir():
            set_time(path, time)


def bag_in_place(folder: Path, *, rid: str, algorithm: str, bagged: datetime) -> None:
    """Turn a work's folder into a bag: its files move to ``data/``, and manifests are written beside it.

    Changes the process's working folder while it runs, as the library does.

    :param algorithm: of the manifests, as BagIt names it: ``sha512``.
    :param bagged: the date for the bag's own files.
    """
    information = {"BDRC-RID": rid, "Bagging-Date": f"{bagged:%Y-%m-%d}"}
    bagit.make_bag(str(folder), information, checksums=[algorithm])
    for path in folder.iterdir():
        if path.is_file():
            set_time(path, bagged)


def flip_byte(path: Path) -> None:
    """Invert one bit in the middle of a file and leave its length and its time as they were."""
    before = path.stat()
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0x01
    path.write_bytes(content)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def zip_folders(folder: Path, target: Path, *, folder_entries: bool) -> None:
    """Store (not deflate) everything in ``folder`` as the zip ``target``, in the order of the paths.

    :param folder_entries: write an entry for each folder too; some zips have them and some do not.
    """
    with ZipFile(target, "w") as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_dir() and not folder_entries:
                continue
            entry = ZipInfo.from_file(path, path.relative_to(folder).as_posix())
            entry.external_attr = (stat.S_IFDIR | 0o755 if path.is_dir() else stat.S_IFREG | 0o644) << 16
            entry.extra = struct.pack(
                "<HHBi", _EXTENDED_TIMESTAMP, 5, _MODIFICATION_TIME_ONLY, int(path.stat().st_mtime)
            )
            archive.writestr(entry, b"" if path.is_dir() else path.read_bytes())
