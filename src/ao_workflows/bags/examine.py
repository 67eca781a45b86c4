"""The one pass over a bag (or a plain work) in a zip: every byte is read once, and everything is checked on the way."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol

from ao_workflows.bags.bagit import Algorithm, BagValidation, Digests
from ao_workflows.bags.collisions import collision_warnings
from ao_workflows.bags.contents import Member
from ao_workflows.bags.findings import FindingLog
from ao_workflows.bags.report import CRC_MISMATCH, BagReport
from ao_workflows.bags.text import quoted, shown
from ao_workflows.bags.zip import Entry, EntryRejected, read_entries
from ao_workflows.errors import Finding
from ao_workflows.storage import Source

Progress = Callable[[int], None]
"""Called with the number of bytes that were done since the last call."""

BAGIT_TXT = "bagit.txt"


class Target(Protocol):
    """Where the files of one member go. Paths are those in the bag (or in the plain work)."""

    def existing(self, path: str, size: int) -> Iterable[bytes] | None:
        """Return the content of what is there already under its name, or ``None`` if it is not, or not of that size."""
        ...

    def keep(self, path: str, digests: Digests) -> None:
        """What is there is right."""
        ...

    def drop(self, path: str) -> None:
        """What is there is wrong."""
        ...

    def begin(self, path: str, modified_ns: int) -> None:
        """A new file is coming."""
        ...

    def write(self, chunk: bytes) -> None:
        """Take bytes of it."""
        ...

    def accept(self, path: str, digests: Digests) -> None:
        """It is right: give it its name."""
        ...

    def discard(self) -> None:
        """It is wrong."""
        ...

    def folder(self, path: str, modified_ns: int) -> None:
        """Make a folder, which may be empty."""
        ...


class Nowhere:
    """The target of a check that writes nothing."""

    def existing(self, _path: str, _size: int) -> Iterable[bytes] | None:
        """Nothing is there."""
        return None

    def _ignore(self, *_: object) -> None:
        """Nothing is written."""

    keep = drop = begin = write = accept = discard = folder = _ignore


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
    """The pass over one member of a zip.

    From the first error on, nothing more is written: what is left is only read, to report everything that is wrong.
    """

    def __init__(self, source: Source, member: Member, target: Target, progress: Progress | None) -> None:
        self._source = source
        self._member = member
        self._target = target
        self._progress = progress
        self._checks: BagValidation | NoManifest = NoManifest()

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
        files = {path: entry.size for path, entry in by_path.items() if not entry.is_folder}
        checks = BagValidation(files, has_payload_folder=any(path.startswith("data/") for path in by_path))
        self._checks = checks
        try:
            checks.declare(self._read_alone(by_path[BAGIT_TXT]))
        except EntryRejected:
            checks.declare([b""])  # reported again, with its cause, when the file's turn comes
        control = checks.control_files()
        for path in control:
            read = partial(checks.read, path)
            if not self._keep(by_path[path], read):
                for entry, chunks in read_entries(self._source, [by_path[path]]):
                    self._fetch(entry, chunks, read)
        checks.settle()
        checks.expect_rid(member.rid)
        done = {*control, *checks.ignored}
        self._take(entry for path, entry in by_path.items() if path not in done)
        return checks.report(member.name)

    def _read_alone(self, entry: Entry) -> Iterator[bytes]:
        for _, chunks in read_entries(self._source, [entry]):
            yield from chunks

    def _take(self, entries: Iterable[Entry]) -> None:
        """Check all of ``entries``: first what is there already, then the rest, in the order of the zip."""
        wanted = [entry for entry in entries if entry.is_folder or not self._keep(entry)]
        wanted.sort(key=lambda entry: entry.offset)
        for entry, chunks in read_entries(self._source, wanted):
            self._fetch(entry, chunks)

    def _keep(self, entry: Entry, read: Callable[[Iterable[bytes]], None] | None = None) -> bool:
        """Return whether the file is there already and right; then it is done."""
        path = self._member.path_of(entry)
        existing = self._target.existing(path, entry.size)
        if existing is None:
            return False
        digests = Digests(self._checks.algorithms_for(path))
        for chunk in existing:
            digests.update(chunk)
        if digests.crc != entry.crc or digests.size != entry.size or self._checks.compare(path, digests):
            self._target.drop(path)
            return False
        if read is not None:
            read(self._target.existing(path, entry.size) or ())
        self._checks.record(path, ())
        self._target.keep(path, digests)
        self._advance(entry.size)
        return True

    def _fetch(
        self, entry: Entry, chunks: Iterator[bytes], read: Callable[[Iterable[bytes]], None] | None = None
    ) -> None:
        """Read one entry from the zip, check it, and have it written if it is right."""
        path = self._member.path_of(entry)
        digests = Digests(self._checks.algorithms_for(path))
        target = self._writing_target()
        if entry.is_folder:
            target.folder(path, entry.modified_ns)
        else:
            target.begin(path, entry.modified_ns)
        passing = self._pass_on(digests.watch(chunks), Nowhere() if entry.is_folder else target)
        try:
            if read is not None:
                read(passing)
            for _ in passing:
                pass
        except EntryRejected as error:
            findings = list(error.findings)
        else:
            findings = self._checks.compare(path, digests) + _crc_findings(entry, digests)
        findings = [_at(finding, entry.name, path) for finding in findings]
        if not entry.is_folder:
            if findings:
                target.discard()
            else:
                target.accept(path, digests)
            self._checks.record(path, findings)
        else:
            self._checks.errors.extend(findings)

    def _pass_on(self, chunks: Iterable[bytes], target: Target) -> Iterator[bytes]:
        for chunk in chunks:
            target.write(chunk)
            self._advance(len(chunk))
            yield chunk

    def _writing_target(self) -> Target:
        if self._checks.errors and not isinstance(self._target, Nowhere):
            self._target = Nowhere()
        return self._target

    def _advance(self, size: int) -> None:
        if self._progress is not None and size:
            self._progress(size)

    def _named(self, findings: Iterable[Finding]) -> Iterator[Finding]:
        """Yield findings about a plain work with their paths in the zip."""
        for finding in findings:
            yield _at(finding, finding.path, f"{self._member.prefix}{finding.path}")


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
