"""Whether a bag is complete and valid (RFC 8493 section 3), found out while its files go by."""

import unicodedata
from collections.abc import Iterable, Mapping

from ao_workflows.bags.bagit import declaration as bagit_txt
from ao_workflows.bags.bagit.algorithms import Algorithm
from ao_workflows.bags.bagit.completeness import BagFacts, check_completeness
from ao_workflows.bags.bagit.declaration import Declaration, read_declaration
from ao_workflows.bags.bagit.digests import Digests
from ao_workflows.bags.bagit.info import Oxum, read_info, read_oxum
from ao_workflows.bags.bagit.manifests import (
    FETCH_FILE,
    PAYLOAD,
    Fetch,
    PathReader,
    manifest_of,
    read_fetch,
    read_manifest,
)
from ao_workflows.bags.collisions import collision_warnings
from ao_workflows.bags.findings import FindingLog, Findings
from ao_workflows.bags.report import CHECKSUM_MISMATCH, BagReport
from ao_workflows.bags.text import quoted, shown
from ao_workflows.errors import Finding
from ao_workflows.works import is_litter

_RID_LABEL = "BDRC-RID"


class BagValidation:
    """The checks of one bag, whose files are handed to it in the order below.

    1. :meth:`declare` with the content of ``bagit.txt``;
    2. for each of :meth:`control_files`: :meth:`read` its content, then :meth:`compare` and :meth:`record`;
    3. :meth:`settle`, after which :attr:`ignored` is known;
    4. :meth:`compare` and :meth:`record` for each of the other files that is not ignored;
    5. :meth:`report`.

    :param files: the size of each file in the bag, by its path in the bag.
    :param has_payload_folder: whether there is a ``data`` folder, which may be empty.
    """

    def __init__(self, files: Mapping[str, int], *, has_payload_folder: bool) -> None:
        self.files = files
        self.declaration = Declaration()
        self.info: list[tuple[str, str]] = []
        self.ignored: frozenset[str] = frozenset()
        self._found = Findings()
        self._has_payload_folder = has_payload_folder
        manifests = [manifest for file in sorted(files) if (manifest := manifest_of(file))]
        # The strongest first: what a person is told first is then the best proof.
        manifests.sort(key=lambda manifest: -manifest.algorithm.size if manifest.algorithm else 0)
        self._manifests = manifests
        self._oxum: Oxum | None = None
        self._fetch: dict[str, Fetch] = {}
        self._unchecked = set(files)
        self._composed: dict[str, str] | None = None
        self._is_settled = False

    @property
    def errors(self) -> FindingLog:
        """What is wrong, as far as it is known by now."""
        return self._found.errors

    def declare(self, chunks: Iterable[bytes]) -> None:
        """Take in ``bagit.txt``."""
        self.declaration, findings = read_declaration(chunks)
        self._found.errors.extend(findings)

    def control_files(self) -> list[str]:
        """Return the files to be read before all others, in the order in which each can be checked when it is read."""
        tag = [manifest.file for manifest in self._manifests if manifest.is_tag]
        payload = [manifest.file for manifest in self._manifests if not manifest.is_tag]
        files = [*tag, bagit_txt.FILE, self.declaration.info_file, FETCH_FILE, *payload]
        return [file for file in files if file in self.files]

    def read(self, file: str, chunks: Iterable[bytes]) -> None:
        """Take in one of the control files."""
        encoding = self.declaration.encoding
        manifest = next((manifest for manifest in self._manifests if manifest.file == file), None)
        if manifest is not None:
            paths = self._path_reader(file)
            read_manifest(manifest, chunks, encoding, paths, is_current=self.declaration.is_current)
        elif file == FETCH_FILE:
            paths = self._path_reader(file)
            self._fetch = read_fetch(chunks, encoding, paths)
        elif file == self.declaration.info_file:
            self.info, findings = read_info(chunks, encoding, file)
            self._oxum, more = read_oxum(self.info, file)
            self._found.errors.extend([*findings, *more])

    def algorithms_for(self, path: str) -> set[Algorithm]:
        """Return the algorithms by which ``path`` will be checked."""
        known = [manifest for manifest in self._manifests if manifest.algorithm is not None]
        if path.startswith(PAYLOAD):
            return {m.algorithm for m in known if m.algorithm is not None and path in m.checksums}
        return {m.algorithm for m in known if m.algorithm is not None and m.is_tag}

    def settle(self) -> None:
        """Compare what the manifests list with what is there, now that all of them are read."""
        litter = [path for path in self.files if is_litter(path)]
        listed = {path for path in litter if any(path in manifest.checksums for manifest in self._manifests)}
        self.ignored = frozenset(litter) - listed
        self._unchecked -= self.ignored
        for path in litter:
            message = f"{quoted(path)} was left by an operating system and is hardly meant to be there."
            self._found.warn("os-litter", path, message)
        self._found.warnings.extend(collision_warnings(path for path in self.files if path not in self.ignored))
        facts = BagFacts(
            declaration=self.declaration,
            files=self.files,
            payload=self._payload(),
            has_payload_folder=self._has_payload_folder,
            payload_manifests=[manifest for manifest in self._manifests if not manifest.is_tag],
            tag_manifests=[manifest for manifest in self._manifests if manifest.is_tag],
            fetch=self._fetch,
            oxum=self._oxum,
        )
        check_completeness(facts, self._found)
        self._is_settled = True

    def expect_rid(self, rid: str) -> None:
        """Make sure that the bag's metadata does not give another RID than its name; it need not give any."""
        for found in (value for label, value in self.info if label.upper() == _RID_LABEL and value != rid):
            file = self.declaration.info_file
            message = (
                f"{file} gives {quoted(found)} as its BDRC-RID, and the bag is named for {rid}: see which work it is, "
                "and have the bag renamed or its metadata corrected."
            )
            self._found.error("bag-rid-differs", file, message, expected=rid, found=found)

    def compare(self, path: str, digests: Digests) -> list[Finding]:
        """Return where the checksums of one file differ from the manifests that list it."""
        findings = []
        for manifest in self._manifests:
            expected = manifest.checksums.get(path)
            if expected is None or manifest.algorithm is None:
                continue
            found = digests.of(manifest.algorithm)
            if found != expected:
                findings.append(
                    Finding(
                        code=CHECKSUM_MISMATCH,
                        path=shown(path),
                        message=f"{quoted(path)} has another {manifest.name} checksum than {manifest.file} lists.",
                        expected=expected.hex(),
                        found=found.hex(),
                    )
                )
        return findings

    def record(self, path: str, findings: Iterable[Finding]) -> None:
        """Keep the outcome of checking one file: what was wrong with it, or nothing."""
        self._unchecked.discard(path)
        if self._is_settled:  # what its checksums had to be is needed no more
            for manifest in self._manifests:
                manifest.checksums.pop(path, None)
        self._found.errors.extend(findings)

    def report(self, name: str) -> BagReport:
        """Return all that was found. A file that nobody checked is an error, whatever the reason."""
        for path in sorted(self._unchecked):
            self._found.error("file-not-checked", path, f"{quoted(path)} was not checked.")
        payload = self._payload()
        return BagReport(
            name=name,
            version=self.declaration.version,
            errors=self._found.errors.as_tuple(),
            warnings=self._found.warnings.as_tuple(),
            files=len(payload),
            bytes=sum(self.files[path] for path in payload),
        )

    def _path_reader(self, file: str) -> PathReader:
        if self._composed is None:
            self._composed = {unicodedata.normalize("NFC", path): path for path in self.files if not path.isascii()}
        return PathReader(file, self.declaration, self.files.keys(), self._composed, self._found)

    def _payload(self) -> list[str]:
        return [path for path in self.files if path.startswith(PAYLOAD) and path not in self.ignored]
