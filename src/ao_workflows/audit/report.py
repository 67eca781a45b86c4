"""What an audit of one work came to, for machines and for the operator."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ao_workflows.audit.findings import AuditFinding, Outcome, Severity, outcome_of
from ao_workflows.audit.images import ImageFacts
from ao_workflows.errors import ContentRejected, Finding


class AuditRejected(ContentRejected):
    """A work that failed its audit."""

    code = "audit-failed"


@dataclass(frozen=True, slots=True)
class TestResult:
    """What one test came to."""

    __test__ = False  # pytest would take it for a test class by its name

    test: str
    findings: tuple[AuditFinding, ...]

    @property
    def outcome(self) -> Outcome:
        """The worst of its findings decides."""
        return outcome_of(self.findings)


@dataclass(frozen=True, slots=True)
class AuditReport:
    """What all tests that were run on a work came to.

    :param rid: the work, as its folder is named.
    :param results: one for each test, in the order in which they ran; never empty. Before them stands one more if
        something in the work is seen by no test.
    :param images: what was found out about the images on the way, by the folders of their groups.
    """

    rid: str
    results: tuple[TestResult, ...]
    images: Mapping[Path, Sequence[ImageFacts]] = field(default_factory=dict, repr=False, compare=False)

    @property
    def findings(self) -> tuple[AuditFinding, ...]:
        """All findings, in the order of the tests."""
        return tuple(finding for result in self.results for finding in result.findings)

    @property
    def by_folder(self) -> dict[str, list[AuditFinding]]:
        """All findings by the folder that they are in, an image group for most of them; ``.`` is the work's root."""
        folders: dict[str, list[AuditFinding]] = {}
        for finding in self.findings:
            folder = "/".join(finding.path.split("/")[:2]) if "/" in finding.path else "."
            folders.setdefault(folder, []).append(finding)
        return dict(sorted(folders.items()))

    @property
    def outcome(self) -> Outcome:
        """The worst of all findings decides."""
        return outcome_of(self.findings)

    def as_dict(self) -> dict[str, object]:
        """The report as the command line prints it in JSON for one work."""
        return {
            "rid": self.rid,
            "outcome": self.outcome.value,
            "tests": [{"test": result.test, "outcome": result.outcome.value} for result in self.results],
            "findings": [finding.as_dict() for finding in self.findings],
        }

    def rejection(self, *, of_copy: Path | None = None, page: Path | None = None) -> AuditRejected | None:
        """Return the error that keeps the work out of the archive, or ``None`` if nothing does.

        :param of_copy: the place in the archive, if it is there already.
        :param page: where a page shows the whole report.
        """
        errors = [finding for finding in self.findings if finding.severity is Severity.ERROR]
        if not errors:
            return None
        first, more = errors[0], len(errors) - 1
        others = f" There {'is 1 more error' if more == 1 else f'are {more} more errors'}." if more else ""
        what = f"{self.rid} failed its audit" if of_copy is None else f"The archive copy {of_copy} failed its audit"
        mend = "the work and deliver it again" if of_copy is None else "the copy"
        where = page or "'ao audit' on its folder"
        return AuditRejected(
            f"{what} at {first.path!r} ({first.test}, error {first.error}): {first.message}{others}",
            action=f"Mend {mend}; {where} shows every finding.",
            findings=[
                Finding(code=f"audit-{finding.error}", path=finding.path, message=finding.message) for finding in errors
            ],
        )
