"""What a zip may contain: one rule, one module, one code or two; decided from the headers before a byte is written.

Every rule looks at the whole zip and reports each thing that breaks it, so that one run tells all that is wrong.
"""

from collections.abc import Callable, Iterator

from ao_workflows.bags.findings import FindingLog
from ao_workflows.bags.policy import (
    accounted,
    clashes,
    controls,
    depth,
    duplicates,
    encryption,
    folders,
    lengths,
    methods,
    overlaps,
    parts,
    places,
    sizes,
    special,
    traversal,
)
from ao_workflows.bags.zip import Directory, ZipLimits
from ao_workflows.errors import Finding

Rule = Callable[[Directory, ZipLimits], Iterator[Finding]]
NameRule = Callable[[str, ZipLimits], Iterator[Finding]]

NAME_RULES: tuple[NameRule, ...] = (
    traversal.check,
    places.check,
    controls.check,
    parts.check,
    lengths.check,
    depth.check,
)
"""Rules that look at one name alone."""

ZIP_RULES: tuple[Rule, ...] = (
    special.check,
    folders.check,
    duplicates.check,
    clashes.check,
    overlaps.check,
    accounted.check,
    encryption.check,
    methods.check,
    sizes.check,
)
"""Rules that look at headers, or at all entries together."""


def errors_in_name(name: str, limits: ZipLimits) -> Iterator[Finding]:
    """Yield what is wrong with one name as the name of a zip entry (a folder's ends in ``/``)."""
    for rule in NAME_RULES:
        yield from rule(name, limits)


def errors_in(directory: Directory, limits: ZipLimits) -> FindingLog:
    """Return everything for which the zip has to be refused; empty when it may be unpacked."""
    findings = FindingLog()
    findings.extend(directory.findings)
    for entry in directory.entries:
        findings.extend(errors_in_name(entry.name, limits))
    for rule in ZIP_RULES:
        findings.extend(rule(directory, limits))
    return findings
