"""Many files on their way into the archive: several at a time, flushed together, each proved before any is named."""

import os
import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

from ao_workflows.answering import Progress
from ao_workflows.archive.copying import FileCopy, link, write
from ao_workflows.archive.disk import archive_errors
from ao_workflows.archive.options import SyncOptions
from ao_workflows.archive.reading_back import prove_on_disk
from ao_workflows.crew import batches, in_order


@dataclass(frozen=True, slots=True)
class Transferred:
    """What came of a transfer.

    :param checksums: SHA-512 of each file, in the order in which they were given.
    :param from_memory: files that were read back and whose bytes the system had in memory all the same, so that the
        disk itself was not asked.
    """

    checksums: tuple[str, ...]
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
        What it raises ends the transfer; so that it can, it is called with 0 as well, by several threads at a time.
    :raises AoError: if scratch or the archive fails, or a file is not what it has to be.
    """
    stop = threading.Event()
    threads = options.jobs
    rereads = options.verify == "reread"

    def bring(copy: FileCopy) -> str:
        linked = link(copy, mount=mount, access=options.access) if options.link else None
        access = options.access
        return linked or write(copy, mount=mount, access=access, proved_later=rereads, progress=progress)

    def goes_on() -> bool:
        progress(0)
        return not stop.is_set()

    def bring_all(batch: Sequence[FileCopy]) -> list[tuple[FileCopy, str]]:
        return [(copy, bring(copy)) for copy in batch if goes_on()]

    def prove_all(brought: Sequence[tuple[FileCopy, str]]) -> int:
        return prove_on_disk(brought, mount=mount, goes_on=goes_on)

    done = []
    small_together = list(batches(copies, size=lambda copy: copy.state.size))
    with closing(in_order(bring_all, small_together, threads=threads, stop=stop)) as brought:
        for batch in brought:
            done.append(batch)
            progress(sum(copy.state.size - _later(copy, rereads=rereads) for copy, _ in batch))
    with archive_errors(mount, mount):
        flush()
    progress(0)
    from_memory = 0
    if rereads:
        with closing(in_order(prove_all, done, threads=threads, stop=stop)) as proofs:
            for batch, in_memory in zip(done, proofs, strict=True):
                from_memory += in_memory
                progress(sum(_later(copy, rereads=True) for copy, _ in batch))
    checksums = tuple(sha512 for batch in done for _, sha512 in batch)
    return Transferred(checksums, from_memory)


def remove_written(copies: Iterable[FileCopy]) -> None:
    """Take away what a failed transfer has written. The archive may be read-only or gone by now: then it stays."""
    for copy in copies:
        with suppress(OSError):
            os.unlink(copy.written)


def _later(copy: FileCopy, *, rereads: bool) -> int:
    """Return how many bytes of a file's progress are kept until it is read back."""
    return copy.state.size // 2 if rereads else 0
