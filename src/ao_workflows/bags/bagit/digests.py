"""All checksums of one file, taken in one pass over its bytes."""

import zlib
from collections.abc import Generator, Iterable

from ao_workflows.bags.bagit.algorithms import SHA512, Algorithm


class Digests:
    """The size, the CRC-32 and the checksums of the bytes that went through :meth:`watch`.

    SHA-512 is always among them: the inventory needs it.
    """

    def __init__(self, algorithms: Iterable[Algorithm] = ()) -> None:
        self.size = 0
        self.crc = 0
        self._hashes = {algorithm.name: algorithm.new() for algorithm in {SHA512, *algorithms}}

    def update(self, chunk: bytes) -> None:
        """Take in more bytes."""
        self.size += len(chunk)
        self.crc = zlib.crc32(chunk, self.crc)
        for running in self._hashes.values():
            running.update(chunk)

    def watch(self, chunks: Iterable[bytes]) -> Generator[bytes, None, None]:
        """Pass ``chunks`` on, taking them in."""
        for chunk in chunks:
            self.update(chunk)
            yield chunk

    def of(self, algorithm: Algorithm) -> bytes:
        """Return the checksum by one of the algorithms that were asked for."""
        return self._hashes[algorithm.name].digest()

    @property
    def sha512(self) -> bytes:
        """The SHA-512 checksum, 64 bytes."""
        return self.of(SHA512)
