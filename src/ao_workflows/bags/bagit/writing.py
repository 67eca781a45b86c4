"""The text of a bag's own files (RFC 8493 section 2)."""

from collections.abc import Iterable, Mapping

from ao_workflows.bags.bagit.algorithms import Algorithm
from ao_workflows.bags.bagit.info import Oxum
from ao_workflows.bags.bagit.paths import decode_path, encode_path

AGENT = "ao-workflows"


def version_for(paths: Iterable[str]) -> str:
    """Return the version of BagIt to declare for files of these names: 1.0, but 0.97 where one has a ``%`` in it.

    Version 1.0 writes ``%`` as ``%25``, and some readers in wide use do not know that; 0.97 writes it as it is, which
    all understand. Not where that would be read as an encoded line break: such names can only be written in 1.0.
    """
    version = "1.0"
    for path in paths:
        if "%" in path:
            if decode_path(path, percent=False) != path:
                return "1.0"
            version = "0.97"
    return version


def declaration_text(version: str) -> bytes:
    """Return ``bagit.txt``."""
    return f"BagIt-Version: {version}\nTag-File-Character-Encoding: UTF-8\n".encode()


def info_text(pairs: Mapping[str, str], oxum: Oxum) -> bytes:
    """Return ``bag-info.txt``."""
    lines = [f"{label}: {value}\n" for label, value in {**pairs, "Payload-Oxum": str(oxum)}.items()]
    return "".join(lines).encode()


def manifest_text(checksums: Iterable[tuple[str, str]], version: str) -> bytes:
    """Return a manifest of paths (in the bag) with their checksums in hexadecimal."""
    percent = version == "1.0"
    return "".join(f"{digest}  {encode_path(path, percent=percent)}\n" for path, digest in checksums).encode()


def manifest_file(algorithm: Algorithm, *, is_tag: bool = False) -> str:
    """Return the name of the manifest with checksums of this kind."""
    return f"{'tag' if is_tag else ''}manifest-{algorithm.name}.txt"
