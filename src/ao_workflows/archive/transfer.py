"""Many files on their way into the archive: several at a time, flushed together, each proved before any is named."""

import os
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ao_workflows.archive.copying import FileCopy, link, read_back, write
from ao_workflows.archive.disk import archive_errors
from ao_workflows.archive.options import SyncOptions
from ao_workflows.crew import default_jobs, in_order

Progress = Callable[[int], None]

_MOST_TOGETHER = 32
_BYTES_TOGETHER = 4 << 20


@dataclass(frozen=True, slots=True)
class Transferred:
    """What came of a transfer.

    :param checksums: SHA-512 of each file, in the order in which they were given.
    :param read_back: files that were read back and compared.
    :param from_memory: those among them whose bytes the system had in memory all the same, so that the disk itself
        was not asked.
    """

    checksums: tuple[str, ...]
    read_back: int
    from_memory: int


def transfer(
    copies: Sequence[FileCopy],
    *,
    mount: Path,
    options: SyncOptions,
    flush: Callable[[], None],
    progress: Progress,
) -> Transferred:
    """Bring each of ``copies`` to the path under which it is written, and prove all of them there.

    If anything fails, what was written stays, for the caller to remove or to go on with.

    :param flush: has the disk write everything.
    :param progress: called with the bytes that were dealt with since the last call; together the size of all files.
    :raises AoError: if scratch or the archive fails, or a file is not what it has to be.
    """
    stop = threading.Event()
    threads = options.threads or default_jobs(is_local=True)
    rereads = options.verify == "reread"

    def bring(copy: FileCopy) -> str:
        linked = link(copy, mount=mount, access=options.access) if options.link else None
        return linked or write(copy, mount=mount, access=options.access)

    def bring_all(batch: Sequence[FileCopy]) -> list[tuple[FileCopy, str]]:
        return [(copy, bring(copy)) for copy in batch if not stop.is_set()]

    def prove_all(brought: Sequence[tuple[FileCopy, str]]) -> int:
        looks = (read_back(copy, sha512, mount=mount) for copy, sha512 in brought if not stop.is_set())
        return sum(not from_disk and copy.state.size > 0 for (copy, _), from_disk in zip(brought, looks, strict=False))

    batches = []
    for batch in in_order(bring_all, list(_batches(copies)), threads=threads, stop=stop):
        batches.append(batch)
        progress(sum(copy.state.size - _later(copy, rereads=rereads) for copy, _ in batch))
    with archive_errors(mount, mount):
        flush()
    from_memory = 0
    if rereads:
        proofs = in_order(prove_all, batches, threads=threads, stop=stop)
        for batch, in_memory in zip(batches, proofs, strict=True):
            from_memory += in_memory
            progress(sum(_later(copy, rereads=True) for copy, _ in batch))
    checksums = tuple(sha512 for batch in batches for _, sha512 in batch)
    return Transferred(checksums, len(checksums) if rereads else 0, from_memory)


def remove_written(copies: Iterable[FileCopy]) -> None:
    """Take away what a failed transfer has written. The archive may be read-only or gone by now: then it stays."""
    for copy in copies:
        with suppress(OSError):
            os.unlink(copy.written)


def _batches(copies: Sequence[FileCopy]) -> Iterator[list[FileCopy]]:
    """Yield ``copies``, by the dozen where they are small: to hand one over takes as long as to copy a small one."""
    batch: list[FileCopy] = []
    size = 0
    for copy in copies:
        batch.append(copy)
        size += copy.state.size
        if len(batch) == _MOST_TOGETHER or size >= _BYTES_TOGETHER:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _later(copy: FileCopy, *, rereads: bool) -> int:
    """Return how many bytes of a file's progress are kept until it is read back."""
    return copy.state.size // 2 if rereads else 0
