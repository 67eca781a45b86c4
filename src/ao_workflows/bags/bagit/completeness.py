"""What makes a bag complete (RFC 8493 section 3): everything required is there, and lists and files agree both ways."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ao_workflows.bags.bagit import declaration as bagit_txt
from ao_workflows.bags.bagit.declaration import Declaration
from ao_workflows.bags.bagit.info import Oxum
from ao_workflows.bags.bagit.manifests import FETCH_FILE, PAYLOAD, Fetch, Manifest, manifest_of
from ao_workflows.bags.findings import Findings
from ao_workflows.bags.text import quoted


@dataclass(frozen=True, slots=True, kw_only=True)
class BagFacts:
    """What a bag has, and what its own files say that it has.

    :param files: the size of each file, by path; ``payload``: those that count as payload.
    """

    declaration: Declaration
    files: Mapping[str, int]
    payload: Sequence[str]
    has_payload_folder: bool
    payload_manifests: Sequence[Manifest]
    tag_manifests: Sequence[Manifest]
    fetch: Mapping[str, Fetch]
    oxum: Oxum | None


def check_completeness(facts: BagFacts, found: Findings) -> None:
    """Add everything that is missing, superfluous or not listed to ``found``."""
    _check_required(facts, found)
    _check_algorithms(facts, found)
    _check_tag_manifests(facts, found)
    _check_listed_files_are_there(facts, found)
    _check_payload_is_listed(facts, found)
    _check_fetch(facts, found)
    _check_oxum(facts, found)


def _check_required(facts: BagFacts, found: Findings) -> None:
    if bagit_txt.FILE not in facts.files:
        found.error("bag-declaration-missing", bagit_txt.FILE, f"there is no {bagit_txt.FILE}.")
    if not facts.has_payload_folder:
        found.error("bag-payload-missing", PAYLOAD, "there is no folder data, where the payload is.")
    elif not facts.payload:
        found.warn("bag-empty", PAYLOAD, "the bag's payload has no files.")
    if not facts.payload_manifests:
        found.error("bag-manifest-missing", "", "no manifest lists the payload, so that nothing proves it.")


def _check_algorithms(facts: BagFacts, found: Findings) -> None:
    is_proven = any(manifest.algorithm is not None for manifest in facts.payload_manifests)
    for manifest in [*facts.payload_manifests, *facts.tag_manifests]:
        if manifest.algorithm is None:
            message = f"{manifest.file} uses {quoted(manifest.label)}, an algorithm that is not known here."
            # Beside a manifest that can be checked, one that cannot takes nothing away from the proof.
            (found.warn if is_proven else found.error)("manifest-algorithm-unknown", manifest.file, message)
        elif manifest.algorithm.is_weak:
            message = f"{manifest.file} uses {manifest.name}, which does not protect against forgery."
            found.warn("manifest-algorithm-weak", manifest.file, message)


def _check_tag_manifests(facts: BagFacts, found: Findings) -> None:
    for tag in facts.tag_manifests:
        for manifest in facts.payload_manifests:
            if manifest.file not in tag.checksums:
                report = found.error if facts.declaration.is_current else found.warn
                report("tag-manifest-incomplete", manifest.file, f"{tag.file} does not list {manifest.file}.")
        for path in tag.checksums:
            listed = manifest_of(path)
            if listed is not None and listed.is_tag:
                found.warn("tag-manifest-lists-tag-manifest", path, f"{tag.file} lists {path}, a tag manifest.")


def _check_listed_files_are_there(facts: BagFacts, found: Findings) -> None:
    missing: dict[str, list[str]] = {}
    for manifest in [*facts.payload_manifests, *facts.tag_manifests]:
        for path in manifest.checksums:
            if path not in facts.files and path not in facts.fetch:
                missing.setdefault(path, []).append(manifest.file)
    for path, manifests in missing.items():
        message = f"{quoted(path)} is listed in {' and '.join(manifests)}, and is not there."
        found.error("file-missing", path, message)


def _check_payload_is_listed(facts: BagFacts, found: Findings) -> None:
    """Since 1.0 every manifest lists every payload file; before, it was enough that one did."""
    wanted = len(facts.payload_manifests) if facts.declaration.is_current else 1
    for path in [*facts.payload, *(path for path in facts.fetch if path not in facts.files)]:
        lacking = [manifest.file for manifest in facts.payload_manifests if path not in manifest.checksums]
        if lacking and len(facts.payload_manifests) - len(lacking) < wanted:
            found.error("file-not-in-manifest", path, f"{quoted(path)} is not listed in {' or '.join(lacking)}.")


def _check_fetch(facts: BagFacts, found: Findings) -> None:
    for path, fetch in facts.fetch.items():
        if path not in facts.files:
            message = f"{quoted(path)} is left to be fetched from {quoted(fetch.url)}; nothing is ever fetched."
            found.error("file-to-be-fetched", path, message)
        elif fetch.length not in {None, facts.files[path]}:
            message = f"{quoted(path)} has another length than {FETCH_FILE} says."
            found.warn("fetch-length-differs", path, message, expected=fetch.length, found=facts.files[path])


def _check_oxum(facts: BagFacts, found: Findings) -> None:
    counted = Oxum(sum(facts.files[path] for path in facts.payload), len(facts.payload))
    if facts.oxum is not None and facts.oxum != counted:
        file = facts.declaration.info_file
        message = f"the Payload-Oxum in {file} does not match the payload's bytes and files."
        found.error("payload-oxum-mismatch", file, message, expected=facts.oxum, found=counted)
