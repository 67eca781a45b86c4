"""Checksum algorithms of manifests, by the names that bags give them."""

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Protocol


class Hash(Protocol):
    """What :mod:`hashlib` makes."""

    def update(self, data: bytes, /) -> None:
        """Take in more bytes."""
        ...

    def digest(self) -> bytes:
        """Return the checksum of all bytes so far."""
        ...


@dataclass(frozen=True, slots=True)
class Algorithm:
    """One checksum algorithm.

    :param name: as in manifest file names: lower case, no punctuation (RFC 8493 section 2.4).
    :param size: bytes of a checksum.
    :param is_weak: collisions can be made on purpose (RFC 8493 section 2.4 advises against it).
    """

    name: str
    new: Callable[[], Hash]
    size: int
    is_weak: bool = False


def _known() -> dict[str, Algorithm]:
    found = [
        Algorithm("md5", partial(hashlib.md5, usedforsecurity=False), 16, is_weak=True),
        Algorithm("sha1", partial(hashlib.sha1, usedforsecurity=False), 20, is_weak=True),
        Algorithm("sha224", hashlib.sha224, 28),
        Algorithm("sha256", hashlib.sha256, 32),
        Algorithm("sha384", hashlib.sha384, 48),
        Algorithm("sha512", hashlib.sha512, 64),
        Algorithm("sha3224", hashlib.sha3_224, 28),
        Algorithm("sha3256", hashlib.sha3_256, 32),
        Algorithm("sha3384", hashlib.sha3_384, 48),
        Algorithm("sha3512", hashlib.sha3_512, 64),
        Algorithm("blake2b", hashlib.blake2b, 64),
        Algorithm("blake2b512", hashlib.blake2b, 64),
        Algorithm("blake2b384", partial(hashlib.blake2b, digest_size=48), 48),
        Algorithm("blake2b256", partial(hashlib.blake2b, digest_size=32), 32),
        Algorithm("blake2b160", partial(hashlib.blake2b, digest_size=20), 20),
        Algorithm("blake2s", hashlib.blake2s, 32),
    ]
    return {algorithm.name: algorithm for algorithm in found}


_ALGORITHMS = _known()
SHA512 = _ALGORITHMS["sha512"]


def algorithm_named(name: str) -> Algorithm | None:
    """Return the algorithm that ``name`` (``sha512``, ``SHA-512``, ``sha3_256``) means, or ``None`` if unknown."""
    return _ALGORITHMS.get(re.sub(r"[^a-z0-9]", "", name.lower()))
