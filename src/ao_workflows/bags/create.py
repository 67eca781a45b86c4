"""From works to a bag zip, with one read of each file."""

import os
import zipfile
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

from ao_workflows import __version__
from ao_workflows.bags.bagit import Algorithm, Digests, algorithm_named
from ao_workflows.bags.bagit.info import Oxum
from ao_workflows.bags.bagit.writing import (
    AGENT,
    declaration_text,
    info_text,
    manifest_file,
    manifest_text,
    version_for,
)
from ao_workflows.bags.contents import BAG_SUFFIX
from ao_workflows.bags.disk import disk_errors
from ao_workflows.bags.examine import BAGIT_TXT, Progress
from ao_workflows.bags.newfile import new_file, target_exists
from ao_workflows.bags.worktree import Item, read_work
from ao_workflows.bags.zip.times import SECOND, dos_fields, time_extra
from ao_workflows.crew import ahead
from ao_workflows.errors import SystemFailed, UsageError
from ao_workflows.storage import S3Store
from ao_workflows.works import Rid, parse_rid

_CHUNK = 1 << 20
"""Bytes of a file at a time. Smaller ones are handed from thread to thread too often."""

_UNIX = 3  # the system that file modes in a zip belong to (APPNOTE.TXT section 4.4.2)
_FILE_MODE, _FOLDER_MODE, _FOLDER_FLAG = 0o100644, 0o40755, 0x10


@dataclass(frozen=True, slots=True, kw_only=True)
class CreatedBag:
    """One bag in the zip.

    :param files: payload files; ``bytes``: what they have together.
    """

    rid: Rid
    path: Path
    files: int
    bytes: int

    def as_dict(self) -> dict[str, Any]:
        """The work as the command line prints it in JSON."""
        return {"rid": self.rid, "path": str(self.path), "files": self.files, "bytes": self.bytes}


@dataclass(frozen=True, slots=True)
class ObjectTarget:
    """An object in a bucket that shall be made; as it is said to a person, an ``s3://`` address."""

    store: S3Store
    key: str

    def __str__(self) -> str:
        return f"s3://{self.store.bucket}/{self.key}"


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateResult:
    """The zip that was made."""

    target: Path | ObjectTarget
    works: tuple[CreatedBag, ...]

    @property
    def files(self) -> int:
        """Payload files of all works."""
        return sum(work.files for work in self.works)

    @property
    def bytes(self) -> int:
        """What these files have together."""
        return sum(work.bytes for work in self.works)

    def as_dict(self) -> dict[str, Any]:
        """The result as the command line prints it in JSON."""
        return {
            "target": str(self.target),
            "works": [work.as_dict() for work in self.works],
            "files": self.files,
            "bytes": self.bytes,
        }


def create(
    works: Sequence[Path],
    target: Path | ObjectTarget,
    *,
    algorithms: Sequence[str] = ("sha512",),
    progress: Progress | None = None,
) -> CreateResult:
    """Make a zip with one bag for each of ``works``, which are folders named by their RID.

    The zip is stored, not packed, with zip64 where it is needed; each bag's payload comes first, its manifests last.
    All that is in a work is payload, its provenance folder included; times are kept to 100 ns, folders even if empty.
    A name with a ``%`` makes it a bag of version 0.97 instead of 1.0 (see
    :func:`~ao_workflows.bags.bagit.writing.version_for`). The zip gets its name when it is complete and on the disk,
    and replaces nothing that is there by then. An object is sent to its bucket while the works are read, without a copy
    on the disk.

    The bag follows RFC 8493, but the Python library ``bagit`` cannot validate it where a name has what that library
    takes for a line break (U+0085, U+2028, U+2029 and the like), white space (no-break space included) at its end, or
    ``%0A`` or ``%0D`` as plain text. Such names come back from this package as they were.

    :param algorithms: of the manifests, such as ``sha512``, ``sha256``, ``sha3-256``, ``blake2b``, ``md5``.
    :param progress: called with the number of payload bytes done since its last call.
    :raises UsageError: if a name is wrong, the target is there already, or an algorithm is not known.
    :raises ContentRejected: if a work has what a bag cannot keep (see :func:`~ao_workflows.bags.worktree.read_work`).
    :raises SystemFailed: if the disk fails, or a file changes while it is read. :raises MustWait: if the disk is full.
    """
    known = [_algorithm(name) for name in dict.fromkeys(algorithms)]
    if not known or not works:
        raise UsageError(
            "A bag needs a work and an algorithm.", action="Name at least one of each.", code="nothing-to-bag"
        )
    if isinstance(target, Path) and target.name in {"", ".."}:
        raise UsageError(f"{str(target)!r} is no name for a file.", action="Name the zip that should be made.")
    with disk_errors(target if isinstance(target, Path) else works[0]):
        named = _named(works, target)
        items = {rid: read_work(work, rid) for rid, work in named.items()}
        with (
            ThreadPoolExecutor(1, thread_name_prefix="bag") as helper,
            _opened(target) as file,
            zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive,
        ):
            bags = [
                _Bag(archive, work, rid, helper=helper, algorithms=known, progress=progress).write(items[rid])
                for rid, work in named.items()
            ]
    return CreateResult(target=target, works=tuple(bags))


def _algorithm(name: str) -> Algorithm:
    algorithm = algorithm_named(name)
    if algorithm is None:
        raise UsageError(f"{name} is not a checksum algorithm that is known.", action="Use sha512 or sha256.")
    return algorithm


def _opened(target: Path | ObjectTarget) -> AbstractContextManager[BinaryIO]:
    return new_file(target) if isinstance(target, Path) else target.store.new_object(target.key)


def _named(works: Sequence[Path], target: Path | ObjectTarget) -> dict[Rid, Path]:
    """Return the works by their RIDs, after a look at what could be mistaken."""
    named: dict[Rid, Path] = {}
    if isinstance(target, Path) and (target.exists() or target.is_symlink()):
        raise target_exists(target)
    for work in works:
        path = work.resolve()
        if not path.is_dir():
            raise UsageError(f"{work} is not a folder.", action="Name the folder of a work.")
        rid = parse_rid(path.name)
        if rid in named:
            raise UsageError(f"{rid} is named twice.", action="Name each work once.")
        if isinstance(target, Path) and target.resolve().is_relative_to(path):
            raise UsageError(f"{target} would lie in {work}.", action="Choose a place outside of the work.")
        named[rid] = path
    return named


class _Bag:
    """One bag on its way into the zip."""

    def __init__(
        self,
        archive: zipfile.ZipFile,
        work: Path,
        rid: Rid,
        *,
        helper: Executor,
        algorithms: list[Algorithm],
        progress: Progress | None,
    ) -> None:
        self._archive = archive
        self._helper = helper
        self._work = work
        self._rid = rid
        self._top = f"{rid}{BAG_SUFFIX}/"
        self._algorithms = algorithms
        self._progress = progress
        self._now = datetime.now(UTC)

    def write(self, items: list[Item]) -> CreatedBag:
        now_ns = int(self._now.timestamp()) * SECOND
        self._add_folder(self._top, now_ns)
        checksums: dict[str, list[bytes]] = {}
        for item in items:
            name = f"data/{item.path}"
            if item.is_folder:
                self._add_folder(f"{self._top}{name}", item.modified_ns)
            else:
                checksums[name] = self._add_file(name, item)
        files = [item for item in items if not item.is_folder]
        oxum = Oxum(sum(item.size for item in files), len(files))
        version = version_for(checksums)
        info = {
            "BDRC-RID": self._rid,
            "Bag-Software-Agent": f"{AGENT} {__version__}",
            "Bagging-Date": self._now.date().isoformat(),
        }
        tags = {BAGIT_TXT: declaration_text(version), "bag-info.txt": info_text(info, oxum)}
        for index, algorithm in enumerate(self._algorithms):
            lines = ((path, digests[index].hex()) for path, digests in checksums.items())
            tags[manifest_file(algorithm)] = manifest_text(lines, version)
        for algorithm in self._algorithms:
            tag_lines = [
                (path, self._digest(content, algorithm)) for path, content in tags.items() if _is_no_tag_manifest(path)
            ]
            tags[manifest_file(algorithm, is_tag=True)] = manifest_text(tag_lines, version)
        for path, content in tags.items():
            self._archive.writestr(_info(f"{self._top}{path}", now_ns, len(content)), content)
        return CreatedBag(rid=self._rid, path=self._work, files=oxum.files, bytes=oxum.octets)

    def _add_folder(self, name: str, modified_ns: int) -> None:
        info = _info(name, modified_ns, 0)
        info.external_attr = _FOLDER_MODE << 16 | _FOLDER_FLAG
        self._archive.writestr(info, b"")

    def _add_file(self, name: str, item: Item) -> list[bytes]:
        """Copy one file into the zip; return its checksums in the order of the algorithms.

        What comes next of a large file is read and hashed while this thread writes.
        """
        digests = Digests(self._algorithms)
        hashed = digests.watch(_content(self._work / item.path, item))
        chunks = ahead(hashed, self._helper) if item.size > _CHUNK else hashed
        with self._archive.open(_info(f"{self._top}{name}", item.modified_ns, item.size), "w") as entry:
            for chunk in chunks:
                entry.write(chunk)
                if self._progress is not None:
                    self._progress(len(chunk))
        return [digests.of(algorithm) for algorithm in self._algorithms]

    @staticmethod
    def _digest(content: bytes, algorithm: Algorithm) -> str:
        digests = Digests([algorithm])
        digests.update(content)
        return digests.of(algorithm).hex()


def _is_no_tag_manifest(path: str) -> bool:
    return not path.startswith("tagmanifest-")


def _info(name: str, modified_ns: int, size: int) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, dos_fields(modified_ns))
    info.create_system = _UNIX
    info.external_attr = _FILE_MODE << 16
    info.extra = time_extra(modified_ns)
    info.file_size = size  # decides about zip64 before the first byte is written
    return info


def _content(path: Path, item: Item) -> Iterator[bytes]:
    """Yield a file's content; it has to be the file that was listed, from the first byte to the last."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    with open(descriptor, "rb", buffering=0) as file:
        left = item.size
        # Not more than is there, but for a byte that shows that it has grown: memory for more takes longer to get.
        while chunk := file.read(min(_CHUNK, left) or 1):
            left -= len(chunk)
            if left < 0:
                break
            yield chunk
        status = os.fstat(descriptor)
        if left or status.st_mtime_ns != item.modified_ns:
            raise SystemFailed(
                f"{path} changed while it was read.",
                action="Wait until whoever writes it has finished, and try again.",
                code="work-changed",
            )
