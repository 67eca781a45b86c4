"""What a zip's central directory says, as values."""

from dataclasses import dataclass, field
from typing import NamedTuple

from ao_workflows.errors import ContentRejected, Finding

STORED = 0
DEFLATED = 8

FLAG_ENCRYPTED = 1 << 0
FLAG_DESCRIPTOR = 1 << 3
FLAG_PATCH = 1 << 5
FLAG_STRONG_ENCRYPTION = 1 << 6
FLAG_UTF8 = 1 << 11
FLAG_MASKED = 1 << 13

LOCAL_HEADER_SIZE = 30
MAX_EXTRA = 0xFFFF
MIN_DESCRIPTOR, MAX_DESCRIPTOR = 12, 24


class ZipRejected(ContentRejected):
    """A file that is no zip, or one that cannot be read safely."""

    code = "zip-rejected"


class EntryRejected(ContentRejected):
    """One entry of a zip whose header or data is wrong; the others can still be read."""

    code = "zip-entry-rejected"


def entry_rejected(
    code: str, name: str, message: str, *, expected: object = None, found: object = None
) -> EntryRejected:
    """Return the error for one entry, holding its one finding."""
    finding = Finding(
        code=code,
        path=name,
        message=message,
        expected=None if expected is None else str(expected),
        found=None if found is None else str(found),
    )
    return EntryRejected(message, code=code, findings=[finding])


@dataclass(frozen=True, slots=True, kw_only=True)
class ZipLimits:
    """Bounds on what a zip may ask for; generous for real works, tight enough against bombs.

    :param entries: files and folders in the zip.
    :param total_bytes: bytes that all files have together when unpacked.
    :param file_bytes: bytes that one file has when unpacked.
    :param ratio: bytes that come out for each byte of the zip, over the whole zip.
    :param ratio_from: unpacked bytes from which on the ratio is looked at: tiny zips may compress well.
    :param depth: parts of a name.
    :param name_bytes: bytes of a whole name in UTF-8; file systems take 4,096 with the destination's path.
    """

    entries: int = 1_000_000
    total_bytes: int = 4 << 40
    file_bytes: int = 1 << 40
    ratio: int = 200
    ratio_from: int = 16 << 20
    depth: int = 64
    name_bytes: int = 3_000


class Entry(NamedTuple):
    """One file or folder of a zip, as its central directory describes it. A tuple, for there are many.

    :param name: decoded, ``/`` between its parts; a folder's ends in ``/``.
    :param raw_name: its bytes as they stand in the headers, where these are not the name in UTF-8.
    :param packed: bytes of its data in the zip; ``size``: bytes when unpacked.
    :param offset: where its local header begins; ``end``: where the next thing begins.
    :param mode: Unix file mode with its type bits, 0 where the maker gave none.
    :param modified_ns: nanoseconds since the epoch (UTC).
    """

    name: str
    raw_name: bytes | None
    flags: int
    method: int
    crc: int
    packed: int
    size: int
    offset: int
    end: int
    mode: int
    modified_ns: int

    @property
    def is_folder(self) -> bool:
        """Whether it stands for a folder: its name ends in a slash (section 4.3.8)."""
        return self.name.endswith("/")

    @property
    def name_in_headers(self) -> bytes:
        """Its name as the headers have it."""
        return self.name.encode() if self.raw_name is None else self.raw_name


@dataclass(frozen=True, slots=True)
class Directory:
    """The central directory of a zip.

    :param entries: by offset.
    :param start: where the central directory begins, which is where the entries have to end.
    :param findings: headers that contradict themselves; the rules about names and sizes are in ``policy``.
    """

    entries: tuple[Entry, ...]
    start: int
    size_of_zip: int
    findings: tuple[Finding, ...] = field(default=())
