"""``bag-info.txt``: labels and values (RFC 8493 section 2.2.2)."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from ao_workflows.bags.bagit.lines import LineTooLong, read_lines
from ao_workflows.bags.findings import FindingLog
from ao_workflows.bags.text import quoted
from ao_workflows.errors import Finding

MAX_LINES = 100_000
_OXUM = re.compile(r"(\d{1,20})\.(\d{1,20})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Oxum:
    """Payload-Oxum: bytes and number of payload files."""

    octets: int
    files: int

    def __str__(self) -> str:
        return f"{self.octets}.{self.files}"


def read_info(chunks: Iterable[bytes], encoding: str, file: str) -> tuple[list[tuple[str, str]], tuple[Finding, ...]]:
    """Return labels with their values in order, and what is wrong with the file."""
    pairs: list[tuple[str, str]] = []
    findings = FindingLog()
    try:
        for number, line in enumerate(read_lines(chunks, encoding), 1):
            label, colon, value = line.partition(":")
            if number > MAX_LINES:
                findings.add(_finding(file, f"{file} has more than {MAX_LINES:,} lines."))
                break
            if not line.strip():
                continue
            if line[0] in " \t" and pairs:
                pairs[-1] = (pairs[-1][0], f"{pairs[-1][1]} {line.strip()}")
            elif colon and label.strip():
                pairs.append((label.strip(), value.strip()))
            else:
                findings.add(_finding(file, f"line {number} of {file} is no label with a value: {quoted(line[:80])}."))
    except UnicodeError:
        findings.add(Finding(code="tag-file-encoding", path=file, message=f"{file} is not text in {encoding}."))
    except LineTooLong as error:
        findings.add(_finding(file, f"{file}: {error}."))
    return pairs, findings.as_tuple()


def read_oxum(pairs: list[tuple[str, str]], file: str) -> tuple[Oxum | None, list[Finding]]:
    """Return the Payload-Oxum among ``pairs``, and what is wrong with it: it may be there once (section 2.2.2)."""
    values = [value for label, value in pairs if label.lower() == "payload-oxum"]
    findings = []
    if len(values) > 1:
        findings.append(
            Finding(code="payload-oxum-repeated", path=file, message=f"{file} gives Payload-Oxum {len(values)} times.")
        )
    oxum = None
    for value in values[:1]:
        match = _OXUM.fullmatch(value)
        if match:
            oxum = Oxum(int(match[1]), int(match[2]))
        else:
            message = f"the Payload-Oxum in {file} is not two numbers with a dot between: {quoted(value[:80])}."
            findings.append(Finding(code="payload-oxum-invalid", path=file, message=message))
    return oxum, findings


def _finding(file: str, message: str) -> Finding:
    return Finding(code="bag-info-invalid", path=file, message=message)
