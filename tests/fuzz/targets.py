"""What is fed: a whole zip, and each of a bag's own files."""

import json
import struct
from collections.abc import Callable, Generator, Iterator
from datetime import UTC, datetime

from ao_workflows.bags import verify
from ao_workflows.bags.bagit import BagValidation, Digests
from ao_workflows.bags.zip import ZipLimits
from ao_workflows.storage import ObjectInfo, Source
from bags.corpus import Item, bag_of, build_zip, descriptor_of

LIMITS = ZipLimits(total_bytes=1 << 24, file_bytes=1 << 22)
"""Small enough that no input takes long because it is allowed to."""

BAG = bag_of({"images/a": b"page" * 50, "images/b": b""}, info="Payload-Oxum: 200.2\n", tag_manifests=["sha512"])
TAG_FILES = ("bagit.txt", "bag-info.txt", "manifest-sha512.txt", "tagmanifest-sha512.txt", "fetch.txt")


class Memory:
    """A store of one object."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def source(self) -> Source:
        """Return the object as a source."""
        info = ObjectInfo("W1AC6.bag.zip", len(self._content), "etag", None, datetime(2026, 1, 1, tzinfo=UTC))
        return Source("W1AC6.bag.zip", self, info)  # type: ignore[arg-type]  # it is only read

    def stream(self, _info: ObjectInfo, offset: int, length: int) -> Generator[bytes, None, None]:
        """Yield the bytes in pieces of odd sizes."""
        for start in range(offset, offset + length, 1009):
            yield self._content[start : min(start + 1009, offset + length)]


def any_zip(content: bytes) -> None:
    """Verify ``content``; the report is JSON, and says why if it is not valid."""
    report = verify(Memory(content).source(), limits=LIMITS, threads=1)
    assert json.loads(json.dumps(report.as_dict()))["valid"] == report.valid
    assert report.valid or report.all_errors


def any_bag(content: bytes) -> None:
    """Validate a bag one of whose own files has this content."""
    if not content:
        return
    name = TAG_FILES[content[0] % len(TAG_FILES)]
    files = BAG | {name: content[1:]}
    checks = BagValidation({path: len(text) for path, text in files.items()}, has_payload_folder=True)
    checks.declare(pieces(files["bagit.txt"]))
    control = checks.control_files()
    for path in control:
        check(checks, path, files[path], read=True)
    checks.settle()
    for path in sorted(files.keys() - checks.ignored - set(control)):
        check(checks, path, files[path], read=False)
    report = checks.report("W1AC6.bag")
    assert report.valid == (not report.errors)
    json.dumps(report.as_dict())


def check(checks: BagValidation, path: str, content: bytes, *, read: bool) -> None:
    """Hand one file to the checks."""
    digests = Digests(checks.algorithms_for(path))
    passing = digests.watch(pieces(content))
    if read:
        checks.read(path, passing)
    for _ in passing:
        pass
    checks.record(path, checks.compare(path, digests))


def pieces(content: bytes) -> Iterator[bytes]:
    """Yield ``content`` in pieces that cut lines and characters apart."""
    for start in range(0, len(content), 7):
        yield content[start : start + 7]


def zips() -> Iterator[bytes]:
    """Yield zips of every kind that is legal."""
    plain = [Item(f"W1AC6.bag/{path}".encode(), content) for path, content in BAG.items()]
    yield build_zip(plain)
    yield build_zip(plain, zip64=True, comment=b"comment")
    yield build_zip([Item(item.name, item.data, method=8) for item in plain])
    described = [Item(item.name, item.data, flags=8, descriptor=descriptor_of(item.data)) for item in plain]
    yield build_zip(described)
    times = struct.pack("<HHBl", 0x5455, 5, 1, 1_700_000_000)
    wide = struct.pack("<HHQQ", 1, 16, 4, 4)
    sizes = {"packed": 0xFFFFFFFF, "size": 0xFFFFFFFF}
    yield build_zip([*plain, Item(b"W1AC6.bag/data/c", b"four", extra=times + wide, local=sizes, central=sizes)])
    yield build_zip([Item(b"W1AC6/images/W1AC6-0001/00010001.jpg", b"page"), Item(b"W1AC6/images/", mode=0o40755)])
    yield build_zip([Item(item.name.removeprefix(b"W1AC6.bag/"), item.data) for item in plain])


def tag_files() -> Iterator[bytes]:
    """Yield each of the bag's own files, and odd ones that are allowed."""
    for number, name in enumerate(TAG_FILES):
        yield bytes([number]) + BAG.get(name, b"https://example.org/a 10 data/a\nhttps://example.org/b - data/b\n")
    yield b"\0BagIt-Version: 0.96\nTag-File-Character-Encoding: UTF-16\n"
    yield b"\1Contact-Name: A\n  continued\nPayload-Oxum : 1.2\n\xef\xbb\xbf"
    yield bytes([2]) + BAG["manifest-sha512.txt"].replace(b"  data/", b" *./data/").replace(b"\n", b"\r\n")


TARGETS: dict[str, Callable[[bytes], None]] = {"zips": any_zip, "bags": any_bag}
SEEDS: dict[str, Callable[[], Iterator[bytes]]] = {"zips": zips, "bags": tag_files}
