"""``bagit.txt``: the version of BagIt and the encoding of the other tag files (RFC 8493 section 2.1.1)."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from ao_workflows.bags.bagit.lines import is_text_encoding
from ao_workflows.bags.text import quoted
from ao_workflows.errors import Finding

FILE = "bagit.txt"
MAX_BYTES = 1 << 14
VERSIONS = ("0.93", "0.94", "0.95", "0.96", "0.97", "1.0")
CURRENT = "1.0"
_LINE = re.compile(r"\s*([^:]*?)\s*:\s*(.*?)\s*")
_LABELS = ("BagIt-Version", "Tag-File-Character-Encoding")


@dataclass(frozen=True, slots=True)
class Declaration:
    """What a bag says of itself.

    :param version: as written, empty where it could not be read; :attr:`is_current` decides which rules hold.
    :param encoding: of all other tag files.
    """

    version: str = ""
    encoding: str = "utf-8"

    @property
    def is_current(self) -> bool:
        """Whether the rules of 1.0 hold; they also do when the version is not known."""
        return self.version not in VERSIONS[:-1]

    @property
    def info_file(self) -> str:
        """The name of the file with the bag's metadata: drafts before 0.96 called it ``package-info.txt``."""
        return "package-info.txt" if self.version in VERSIONS[:3] else "bag-info.txt"


def read_declaration(chunks: Iterable[bytes]) -> tuple[Declaration, list[Finding]]:
    """Return what ``bagit.txt`` declares, and what is wrong with it."""
    data = b""
    for chunk in chunks:
        data += chunk
        if len(data) > MAX_BYTES:
            return Declaration(), [_finding(f"{FILE} is too long to be a bag declaration.")]
    findings = []
    if data.startswith(b"\xef\xbb\xbf"):
        findings.append(_finding(f"{FILE} begins with a byte-order mark, which it must not have."))
        data = data[3:]
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return Declaration(), [*findings, _finding(f"{FILE} is not in UTF-8.")]
    lines = re.split(r"\r\n|\r|\n", text)
    while lines and not lines[-1].strip():
        lines.pop()
    matches = [_LINE.fullmatch(line) for line in lines]
    values = {match[1]: match[2] for match in matches if match}
    version = values.get(_LABELS[0], "")
    encoding = values.get(_LABELS[1], "")
    if version not in VERSIONS:
        findings.append(
            Finding(
                code="bag-version-unsupported",
                path=FILE,
                message=f"{FILE} names no version of BagIt that is known.",
                expected=", ".join(VERSIONS),
                found=version[:40],
            )
        )
        version = ""
    if not is_text_encoding(encoding):
        message = f"{FILE} names {quoted(encoding[:80])} as the encoding of tag files, which is not known."
        findings.append(Finding(code="bag-encoding-unknown", path=FILE, message=message))
        encoding = "utf-8"
    exact = [f"{_LABELS[0]}: {version}", f"{_LABELS[1]}: {values.get(_LABELS[1], '')}"]
    if version == CURRENT and lines != exact:
        findings.append(_finding(f"{FILE} has to consist of the two lines {exact[0]!r} and {exact[1]!r}."))
    return Declaration(version, encoding), findings


def _finding(message: str) -> Finding:
    return Finding(code="bag-declaration-invalid", path=FILE, message=message)
