"""Zips made byte by byte, right and wrong ones, and bags made with nothing but hashlib."""

import hashlib
import struct
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ao_workflows.storage import LocalStore, ObjectInfo, Source

DOS_DATE, DOS_TIME = (2020 - 1980) << 9 | 6 << 5 | 15, 12 << 11 | 30 << 5 | 20  # 2020-06-15 12:30:40
DESCRIPTOR, UTF8, ENCRYPTED = 1 << 3, 1 << 11, 1 << 0


@dataclass
class Item:
    """One entry. What is left out is made to agree; ``local`` and ``central`` replace fields of one header only."""

    name: bytes
    data: bytes = b""
    method: int = 0
    flags: int = 0
    mode: int = 0o100644
    extra: bytes = b""
    central_extra: bytes | None = None
    comment: bytes = b""
    descriptor: bytes | None = None
    packed: bytes | None = None
    gap: bytes = b""
    local: Mapping[str, int | bytes] = field(default_factory=dict)
    central: Mapping[str, int | bytes] = field(default_factory=dict)

    def payload(self) -> bytes:
        if self.packed is not None:
            return self.packed
        if self.method != 8:
            return self.data
        packer = zlib.compressobj(9, zlib.DEFLATED, -15)
        return packer.compress(self.data) + packer.flush()

    def fields(self) -> dict[str, int | bytes]:
        packed = self.payload()
        return {
            "name": self.name,
            "flags": self.flags,
            "method": self.method,
            "crc": zlib.crc32(self.data),
            "packed": len(packed),
            "size": len(self.data),
        }


def build_zip(  # each is one way to be wrong
    items: Sequence[Item],
    *,
    prefix: bytes = b"",
    before_directory: bytes = b"",
    after_directory: bytes = b"",
    comment: bytes = b"",
    suffix: bytes = b"",
    end: Mapping[str, int] | None = None,
    zip64: bool = False,
    end64: Mapping[str, int] | None = None,
    locator: Mapping[str, int] | None = None,
) -> bytes:
    """Return a zip; offsets count from the very beginning, so that ``prefix`` is data that belongs to nothing."""
    out = bytearray(prefix)
    central = bytearray()
    for item in items:
        offset = len(out)
        said = item.fields()
        if item.flags & DESCRIPTOR:
            said |= {"crc": 0, "packed": 0, "size": 0}
        said |= item.local
        name = said["name"]
        out += struct.pack(
            "<4s5H3L2H", b"PK\x03\x04", 20, said["flags"], said["method"], DOS_TIME, DOS_DATE,
            said["crc"], said["packed"], said["size"], len(name), len(item.extra),
        )  # fmt: skip
        out += name + item.extra + item.payload()
        if item.descriptor is not None:
            out += item.descriptor
        out += item.gap
        said = item.fields() | {"offset": offset, "disk": 0} | item.central
        extra = item.extra if item.central_extra is None else item.central_extra
        name = said["name"]
        central += struct.pack(
            "<4s6H3L5H2L", b"PK\x01\x02", 3 << 8 | 20, 20, said["flags"], said["method"], DOS_TIME, DOS_DATE,
            said["crc"], said["packed"], said["size"], len(name), len(extra), len(item.comment),
            said["disk"], 0, item.mode << 16, said["offset"],
        )  # fmt: skip
        central += name + extra + item.comment
    out += before_directory
    fields = {
        "disk": 0,
        "start_disk": 0,
        "here": len(items),
        "entries": len(items),
        "size": len(central),
        "start": len(out),
    }
    out += central + after_directory
    if zip64:
        position = len(out)
        said64 = fields | (end64 or {})
        out += struct.pack("<4sQ2H2L4Q", b"PK\x06\x06", 44, 45, 45, *said64.values())
        where = {"disk": 0, "position": position, "disks": 1} | (locator or {})
        out += struct.pack("<4sLQL", b"PK\x06\x07", *where.values())
        fields |= {"here": 0xFFFF, "entries": 0xFFFF, "size": 0xFFFFFFFF, "start": 0xFFFFFFFF}
    said_end = fields | (end or {})
    out += struct.pack("<4s4H2LH", b"PK\x05\x06", *said_end.values(), len(comment)) + comment
    return bytes(out + suffix)


def descriptor_of(data: bytes, packed: bytes | None = None, *, signature: bool = True, wide: bool = False) -> bytes:
    sizes = "<LQQ" if wide else "<LLL"
    record = struct.pack(sizes, zlib.crc32(data), len(data if packed is None else packed), len(data))
    return (b"PK\x07\x08" if signature else b"") + record


def bag_of(  # each is one way to be another bag
    payload: Mapping[str, bytes],
    *,
    version: str = "1.0",
    encoding: str = "UTF-8",
    algorithms: Sequence[str] = ("sha512",),
    info: str | None = None,
    tags: Mapping[str, bytes] | None = None,
    tag_manifests: Sequence[str] = (),
) -> dict[str, bytes]:
    """Return the files of a bag by their paths; names are not encoded in any way."""
    files = {f"data/{path}": content for path, content in payload.items()}
    bag = {"bagit.txt": f"BagIt-Version: {version}\nTag-File-Character-Encoding: {encoding}\n".encode()}
    if info is not None:
        bag["bag-info.txt"] = info.encode(encoding)
    bag |= tags or {}
    for algorithm in algorithms:
        bag[f"manifest-{algorithm}.txt"] = manifest_of(files, algorithm).encode(encoding)
    listed = dict(bag)
    for algorithm in tag_manifests:
        bag[f"tagmanifest-{algorithm}.txt"] = manifest_of(listed, algorithm).encode(encoding)
    return {**files, **bag}


def manifest_of(files: Mapping[str, bytes], algorithm: str) -> str:
    return "".join(f"{hashlib.new(algorithm, content).hexdigest()}  {path}\n" for path, content in files.items())


def zip_files(target: Path, files: Mapping[str, bytes], top: str = "", *, method: int = zipfile.ZIP_STORED) -> Path:
    """Make a zip with the standard library: no folder entries but those whose name ends in a slash."""
    with zipfile.ZipFile(target, "w", method) as archive:
        for path, content in files.items():
            archive.writestr(f"{top}{path}", content)
    return target


class CountingStore(LocalStore):
    """A folder as a store that tells how many bytes were read from it."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.served = 0
        self.ranges: list[tuple[int, int]] = []

    def stream(self, info: ObjectInfo, offset: int, length: int) -> Iterator[bytes]:
        self.ranges.append((offset, length))
        for chunk in super().stream(info, offset, length):
            self.served += len(chunk)
            yield chunk


def counted_source(path: Path) -> tuple[Source, CountingStore]:
    store = CountingStore(path.parent)
    return Source(str(path), store, store.stat(path.name)), store


def tree(root: Path) -> dict[str, bytes | None]:
    """Return everything below a folder: files with their content, folders with ``None``."""
    return {
        path.relative_to(root).as_posix(): path.read_bytes() if path.is_file() else None for path in root.rglob("*")
    }
