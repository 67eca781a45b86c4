"""The one pass over a bag (or a plain work) in a zip: every byte is read once, and everything is checked on the way."""

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol

from ao_workflows.bags.bagit import Algorithm, BagValidation, Digests
from ao_workflows.bags.collisions import collision_warnings
from ao_workflows.bags.contents import Member
from ao_workflows.bags.findings import FindingLog
from ao_workflows.bags.report import CRC_MISMATCH, BagReport
from ao_workflows.bags.text import quoted, shown
from ao_workflows.bags.zip import Entry, EntryRejected, in_batches, read_entries
from ao_workflows.crew import Stopped, in_order
from ao_workflows.errors import Finding
from ao_workflows.storage import Source

Progress = Callable[[int], None]
"""Called with the number of bytes that were done since the last call."""

BAGIT_TXT = "bagit.txt"


class NewFile(Protocol):
    """A file that is being written, by one thread."""

    def write(self, chunk: bytes) -> None:
        """Take bytes of it."""
        ...

    def accept(self, digests: Digests) -> None:
        """It is right, and complete."""
        ...

    def discard(self) -> None:
        """It is wrong, or will never be complete."""
        ...


class Target(Protocol):
    """Where the files of one member go. Paths are those in the bag (or in the plain work).

    Several threads use it at once, each for other paths.
    """

    def is_verified(self, path: str) -> bool:
        """Return whether what is there was verified for this very source and is unchanged since; it is kept then."""
        ...

    def existing(self, path: str, size: int) -> Iterable[bytes] | None:
        """Return the content of what is there already under its name, or ``None`` if it is not, or not of that size."""
        ...

    def keep(self, path: str, digests: Digests) -> None:
        """What is there is right."""
        ...

    def drop(self, path: str) -> None:
        """What is there is wrong."""
        ...

    def begin(self, path: str, modified_ns: int) -> NewFile:
        """A new file is coming."""
        ...

    def folder(self, path: str, modified_ns: int) -> None:
        """Make a folder, which may be empty."""
        ...


class Nowhere:
    """The target of a check that writes nothing, and a file of it."""

    def is_verified(self, _path: str) -> bool:
        """Nothing is there."""
        return False

    def existing(self, _path: str, _size: int) -> Iterable[bytes] | None:
        """Nothing is there."""
        return None

    def begin(self, _path: str, _modified_ns: int) -> "Nowhere":
        """Nothing comes of it."""
        return self

    def _ignore(self, *_: object) -> None:
        """Nothing is written."""

    keep = drop = write = accept = discard = folder = _ignore


@dataclass(slots=True)
class NoManifest:
    """The checks of a plain work: nothing but the zip's own CRCs vouches for its files."""

    errors: FindingLog = field(default_factory=FindingLog)

    def algorithms_for(self, _path: str) -> set[Algorithm]:
        """No manifest asks for any."""
        return set()

    def compare(self, _path: str, _digests: Digests) -> list[Finding]:
        """No manifest lists anything."""
        return []

    def record(self, _path: str, findings: Iterable[Finding]) -> None:
        """Keep what was wrong with one file."""
        self.errors.extend(findings)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was found in one member.

    :param bag: its report, if it is a bag; else the findings are in ``errors`` and ``warnings``.
    """

    bag: BagReport | None
    errors: tuple[Finding, ...] = ()
    warnings: tuple[Finding, ...] = ()

    @property
    def valid(self) -> bool:
        """Whether it may be delivered."""
        return not self.errors and (self.bag is None or self.bag.valid)


class Examination:
    """The pass over one member of a zip, by several threads.

    From the first error on, nothing more is written: what is left is only read, to report everything that is wrong.

    :param threads: how many batches of neighbouring entries are read at a time.
    """

    def __init__(
        self, source: Source, member: Member, target: Target, progress: Progress | None, *, threads: int
    ) -> None:
        self._source = source
        self._member = member
        self._target = target
        self._progress = progress
        self._threads = threads
        self._checks: BagValidation | NoManifest = NoManifest()
        self._spoiled = threading.Event()  # something is wrong: nothing is written any more
        self._stop = threading.Event()  # the pass has failed: nothing is read any more
        self._telling = threading.Lock()

    def run(self) -> Outcome:
        """Check the member, and write what is right to the target."""
        member = self._member
        if member.is_bag:
            return Outcome(self._run_bag())
        self._take(member.entries)
        message = (
            f"{quoted(member.name)} is no bag: only the zip's own CRC-32 checks its files, and nothing lists them."
        )
        warnings = FindingLog()
        warnings.add(Finding(code="not-a-bag", path=member.name, message=message))
        warnings.extend(collision_warnings(member.path_of(entry) for entry in member.entries))
        return Outcome(None, tuple(self._named(self._checks.errors.as_tuple())), warnings.as_tuple())

    def _run_bag(self) -> BagReport:
        member = self._member
        by_path = {member.path_of(entry): entry for entry in member.entries}
        checks = BagValidation(_Sizes(by_path), has_payload_folder=any(path.startswith("data/") for path in by_path))
        self._checks = checks
        try:
            checks.declare(self._read_alone(by_path[BAGIT_TXT]))
        except EntryRejected:
            checks.declare([b""])  # reported again, with its cause, when the file's turn comes
        control = checks.control_files()
        for path in control:
            read = partial(checks.read, path)
            if self._kept(by_path[path], read):
                checks.record(path, ())
                continue
            for entry, chunks in read_entries(self._source, [by_path[path]]):
                self._record(entry, self._fetch(entry, chunks, read))
        checks.settle()
        checks.expect_rid(member.rid)
        done = {*control, *checks.ignored}
        self._take(entry for path, entry in by_path.items() if path not in done)
        return checks.report(member.name)

    def _read_alone(self, entry: Entry) -> Iterator[bytes]:
        for _, chunks in read_entries(self._source, [entry]):
            yield from chunks

    def _take(self, entries: Iterable[Entry]) -> None:
        """Check all of ``entries``, in batches of neighbours; what they find is recorded in the order of the zip."""
        batches = list(in_batches(sorted(entries, key=lambda entry: entry.offset)))
        if self._checks.errors:
            self._spoiled.set()
        with closing(in_order(self._check, batches, threads=self._threads, stop=self._stop)) as checked:
            for batch, wrong in zip(batches, checked, strict=True):
                for entry in batch:
                    self._record(entry, wrong.get(entry.offset, ()))

    def _check(self, batch: list[Entry]) -> dict[int, list[Finding]]:
        """Check the entries of a batch: first what is there already, then the rest, in the order of the zip.

        :return: what is wrong with an entry, by its offset, if anything is: most have nothing, and there are many.
        """
        wanted = [entry for entry in batch if entry.is_folder or not self._kept(entry)]
        wrong = {}
        for entry, chunks in read_entries(self._source, wanted):
            if findings := self._fetch(entry, chunks):
                wrong[entry.offset] = findings
        return wrong

    def _record(self, entry: Entry, findings: Iterable[Finding]) -> None:
        if entry.is_folder:
            self._checks.errors.extend(findings)
        else:
            self._checks.record(self._member.path_of(entry), findings)

    def _kept(self, entry: Entry, read: Callable[[Iterable[bytes]], None] | None = None) -> bool:
        """Return whether the file is there already and right; then it is done."""
        path = self._member.path_of(entry)
        if read is None and self._target.is_verified(path):
            self._advance(entry.size)
            return True
        existing = self._target.existing(path, entry.size)
        if existing is None:
            return False
        digests = Digests(self._checks.algorithms_for(path))
        for chunk in existing:
            if self._stop.is_set():
                raise Stopped
            digests.update(chunk)
        if digests.crc != entry.crc or digests.size != entry.size or self._checks.compare(path, digests):
            self._target.drop(path)
            return False
        if read is not None:
            read(self._target.existing(path, entry.size) or ())
        self._target.keep(path, digests)
        self._advance(entry.size)
        return True

    def _fetch(
        self, entry: Entry, chunks: Iterator[bytes], read: Callable[[Iterable[bytes]], None] | None = None
    ) -> list[Finding]:
        """Read one entry from the zip, check it, and have it written if it is right; return what is wrong with it."""
        path = self._member.path_of(entry)
        digests = Digests(self._checks.algorithms_for(path))
        target = self._writing_target()
        if entry.is_folder:
            target.folder(path, entry.modified_ns)
        file = Nowhere() if entry.is_folder else target.begin(path, entry.modified_ns)
        try:
            findings = self._pass(digests.watch(chunks), file, read)
            findings = findings or self._checks.compare(path, digests) + _crc_findings(entry, digests)
        except BaseException:
            file.discard()
            raise
        if findings:
            self._spoiled.set()
            file.discard()
        else:
            file.accept(digests)
        return [_at(finding, entry.name, path) for finding in findings]

    def _pass(
        self, chunks: Iterable[bytes], file: NewFile, read: Callable[[Iterable[bytes]], None] | None
    ) -> list[Finding]:
        """Pass the bytes of an entry on; return what is wrong with its headers or its packed data."""
        passing = self._pass_on(chunks, file)
        try:
            if read is not None:
                read(passing)
            for _ in passing:
                pass
        except EntryRejected as error:
            return list(error.findings)
        return []

    def _pass_on(self, chunks: Iterable[bytes], file: NewFile) -> Iterator[bytes]:
        for chunk in chunks:
            if self._stop.is_set():
                raise Stopped  # however large its file is
            file.write(chunk)
            self._advance(len(chunk))
            yield chunk

    def _writing_target(self) -> Target:
        # Control files are fetched before anything is known to be wrong with others.
        return Nowhere() if self._spoiled.is_set() or self._checks.errors else self._target

    def _advance(self, size: int) -> None:
        if self._progress is not None and size:
            with self._telling:
                self._progress(size)

    def _named(self, findings: Iterable[Finding]) -> Iterator[Finding]:
        """Yield findings about a plain work with their paths in the zip."""
        for finding in findings:
            yield _at(finding, finding.path, f"{self._member.prefix}{finding.path}")


class _Sizes(Mapping[str, int]):
    """The sizes of the files among entries, by their paths, without a table of their own."""

    def __init__(self, entries: Mapping[str, Entry]) -> None:
        self._entries = entries

    def __getitem__(self, path: str) -> int:
        entry = self._entries[path]
        if entry.is_folder:
            raise KeyError(path)
        return entry.size

    def __iter__(self) -> Iterator[str]:
        return (path for path, entry in self._entries.items() if not entry.is_folder)

    def __len__(self) -> int:
        return sum(1 for _ in self)


def _crc_findings(entry: Entry, digests: Digests) -> list[Finding]:
    if digests.crc == entry.crc:
        return []
    return [
        Finding(
            code=CRC_MISMATCH,
            path=shown(entry.name),
            message=f"{quoted(entry.name)} has another CRC-32 than the zip declares.",
            expected=f"{entry.crc:08x}",
            found=f"{digests.crc:08x}",
        )
    ]


def _at(finding: Finding, old: str, new: str) -> Finding:
    """Return the finding with its path in the bag where it has the one in the zip."""
    if finding.path not in {old, shown(old)}:
        return finding
    return Finding(
        code=finding.code, path=shown(new), message=finding.message, expected=finding.expected, found=finding.found
    )
