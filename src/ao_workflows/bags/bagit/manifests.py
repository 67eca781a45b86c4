"""Payload and tag manifests (RFC 8493 sections 2.1.3 and 2.2.1), and ``fetch.txt`` (section 2.2.3)."""

import re
import sys
import unicodedata
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field

from ao_workflows.bags.bagit.algorithms import Algorithm, algorithm_named
from ao_workflows.bags.bagit.declaration import Declaration
from ao_workflows.bags.bagit.lines import LineTooLong, read_lines
from ao_workflows.bags.bagit.paths import decode_path, leaves_bag
from ao_workflows.bags.findings import Findings
from ao_workflows.bags.text import quoted, shown
from ao_workflows.errors import Finding

PAYLOAD = "data/"
FETCH_FILE = "fetch.txt"
MAX_PATHS = 2_000_000
_MANIFEST_FILE = re.compile(r"(tag)?manifest-([A-Za-z0-9_-]+)\.txt")
_LINE = re.compile(r"[ \t]*([^ \t]+)[ \t]+(.+)")
_FETCH_LINE = re.compile(r"[ \t]*([^ \t]+)[ \t]+(\d{1,20}|-)[ \t]+(.+)", re.ASCII)


@dataclass(slots=True)
class Manifest:
    """One manifest file.

    :param algorithm: ``None`` if it is not known; then only its paths can be checked.
    :param checksums: by path.
    """

    file: str
    algorithm: Algorithm | None
    label: str
    is_tag: bool
    checksums: dict[str, bytes] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The algorithm as the bag names it, for messages."""
        return self.algorithm.name if self.algorithm else self.label


def manifest_of(file: str) -> Manifest | None:
    """Return an empty manifest for the tag file ``file``, or ``None`` if its name is not that of a manifest."""
    match = _MANIFEST_FILE.fullmatch(file)
    if not match:
        return None
    return Manifest(file, algorithm_named(match[2]), match[2], is_tag=bool(match[1]))


class PathReader:
    """Turns the paths of one manifest into paths of files, and adds what is odd or wrong about them to ``found``.

    :param present: the bag's files: a path that is written in another way is recognised by what is there.
    """

    def __init__(
        self,
        file: str,
        declaration: Declaration,
        present: Collection[str],
        composed: dict[str, str],
        found: Findings,
    ) -> None:
        self._file = file
        self._percent = declaration.is_current
        self._present = present
        self._composed = composed
        self.errors = found.errors
        self.warnings = found.warnings
        self._warned: set[str] = set()

    def read(self, text: str, number: int, *, is_payload: bool) -> str | None:
        """Return the path that ``text`` in line ``number`` means, or ``None`` if it is not allowed there."""
        if text.startswith("*") and text not in self._present:
            text = text[1:]
            self._warn("manifest-asterisk", 'has "*" before its paths, as md5sum writes it')
        if text.startswith("./"):
            text = text[2:]
            self._warn("manifest-dot-slash", 'has "./" before its paths')
        path = decode_path(text, percent=self._percent)
        if leaves_bag(path) and path not in self._present:
            message = f"line {number} of {self._file} names a path that leaves the bag: {quoted(path)}."
            self.errors.add(Finding(code="manifest-path-unsafe", path=shown(path), message=message))
            return None
        if path not in self._present:
            path = self._as_present(path, text)
        if path.startswith(PAYLOAD) != is_payload:
            where = (
                "is not in data/, where the payload is"
                if is_payload
                else "is payload, which a tag manifest does not list"
            )
            message = f"line {number} of {self._file}: {quoted(path)} {where}."
            self.errors.add(Finding(code="manifest-path-misplaced", path=shown(path), message=message))
            return None
        return path

    def _as_present(self, path: str, text: str) -> str:
        if text in self._present:
            self._warn("manifest-percent-plain", 'does not encode "%" in its paths')
            return text
        other = self._composed.get(unicodedata.normalize("NFC", path))
        if other is not None:
            self._warn("manifest-normalization", "writes accents in its paths in another way than the files' names")
            return other
        return path

    def _warn(self, code: str, what: str) -> None:
        if code not in self._warned:
            self._warned.add(code)
            self.warnings.add(Finding(code=code, path=self._file, message=f"{self._file} {what}."))


def read_manifest(
    manifest: Manifest, chunks: Iterable[bytes], encoding: str, paths: PathReader, *, is_current: bool
) -> None:
    """Read the lines of ``manifest`` into it; what is wrong is added to ``paths``."""
    for number, line in _numbered(manifest.file, chunks, encoding, paths):
        match = _LINE.fullmatch(line)
        digest = _digest(match[1], manifest.algorithm) if match else None
        if match is None or digest is None:
            what = "is not a checksum and a path" if match is None else f"has no {manifest.name} checksum"
            message = f"line {number} of {manifest.file} {what}: {quoted(line[:200])}."
            paths.errors.add(Finding(code="manifest-line-invalid", path=manifest.file, message=message))
            continue
        path = paths.read(match[2], number, is_payload=not manifest.is_tag)
        if path is None:
            continue
        earlier = manifest.checksums.get(path)
        if earlier is None:
            manifest.checksums[sys.intern(path)] = digest
        else:
            message = f"{manifest.file} lists {quoted(path)} more than once."
            repeated = Finding(code="manifest-path-repeated", path=shown(path), message=message)
            (paths.errors if is_current or earlier != digest else paths.warnings).add(repeated)


@dataclass(frozen=True, slots=True)
class Fetch:
    """One line of ``fetch.txt``: a file that the bag leaves to be fetched, which this package never does."""

    url: str
    length: int | None


def read_fetch(chunks: Iterable[bytes], encoding: str, paths: PathReader) -> dict[str, Fetch]:
    """Return what ``fetch.txt`` lists, by path; what is wrong is added to ``paths``."""
    listed: dict[str, Fetch] = {}
    for number, line in _numbered(FETCH_FILE, chunks, encoding, paths):
        match = _FETCH_LINE.fullmatch(line)
        if not match:
            message = f"line {number} of {FETCH_FILE} is not an address, a length and a path: {quoted(line[:200])}."
            paths.errors.add(Finding(code="fetch-line-invalid", path=FETCH_FILE, message=message))
            continue
        path = paths.read(match[3], number, is_payload=True)
        if path is not None:
            listed[path] = Fetch(match[1], None if match[2] == "-" else int(match[2]))
    return listed


def _numbered(file: str, chunks: Iterable[bytes], encoding: str, paths: PathReader) -> Iterator[tuple[int, str]]:
    """Yield the lines that are not blank; text that cannot be read ends them with a finding."""
    try:
        for number, line in enumerate(read_lines(chunks, encoding), 1):
            text = line.removeprefix("\ufeff") if number == 1 else line
            if number > MAX_PATHS:
                message = f"{file} has more than {MAX_PATHS:,} lines."
                paths.errors.add(Finding(code="manifest-too-long", path=file, message=message))
                return
            if text.strip():
                yield number, text
    except UnicodeError:
        message = f"{file} is not text in {encoding}."
        paths.errors.add(Finding(code="tag-file-encoding", path=file, message=message))
    except LineTooLong as error:
        paths.errors.add(Finding(code="manifest-line-invalid", path=file, message=f"{file}: {error}."))


def _digest(text: str, algorithm: Algorithm | None) -> bytes | None:
    try:
        digest = bytes.fromhex(text)
    except ValueError:
        return None
    if not text.isascii() or (algorithm is not None and len(digest) != algorithm.size):
        return None
    return digest
