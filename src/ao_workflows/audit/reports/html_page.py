"""The report of one work as one page: it opens from a disk, without a network, in any browser."""

import base64
import hashlib
import html
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path

from ao_workflows import __version__
from ao_workflows.audit.findings import AuditFinding, Outcome, Severity, outcome_of
from ao_workflows.audit.report import AuditReport
from ao_workflows.audit.reports.pictures import Pictures
from ao_workflows.log import visible
from ao_workflows.whole_file import whole_file

MOST_LISTED = 5_000
"""Findings that a page lists; a work with more is not mended by reading a page."""

ROOT = "the work itself"
_VERDICTS = {Outcome.PASSED: "Passed", Outcome.WARNINGS: "Passed with warnings", Outcome.FAILED: "Failed"}
_COLUMNS = ("Severity", "Error", "Test", "Path", "What is wrong")


def write_html(report: AuditReport, work: Path, target: Path, *, made: datetime) -> None:
    """Write the page to ``target``, in place of what is there.

    Every name and message is text in it, whatever it holds; its Content Security Policy allows nothing but its own
    style and script, and pictures that are in it.

    :param made: when the audit was made.
    :raises MustWait: if the disk is full. :raises SystemFailed: if it cannot be written.
    """
    with whole_file(target, what="the report", make_folder=True) as file:
        file.writelines(_page(report, Pictures(work, report.findings), made))


def _page(report: AuditReport, pictures: Pictures, made: datetime) -> Iterator[str]:
    style, script = (files(__package__).joinpath(name).read_text(encoding="utf-8") for name in ("page.css", "page.js"))
    nothing = "default-src 'none'; base-uri 'none'; form-action 'none'"
    policy = f"{nothing}; img-src data:; style-src {_hash(style)}; script-src {_hash(script)}"
    title = f"Audit of {_text(report.rid)}"
    yield f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
<header>
<h1>{title}</h1>
<p class="verdict {report.outcome}">{_verdict(report)}</p>
<p>Made on {made.astimezone(UTC):%d %B %Y at %H:%M} UTC by ao-workflows {__version__}.</p>
</header>
<main>
"""
    yield from _tests(report)
    yield from _groups(report)
    yield from _findings(report.findings, pictures)
    yield from pictures.sheets()
    yield f"""</main>
<footer><p>Error numbers are explained in the documentation of ao-workflows, under Troubleshooting.</p></footer>
<script>{script}</script>
</body>
</html>
"""


def _verdict(report: AuditReport) -> str:
    counts = Counter(finding.severity for finding in report.findings)
    said = [
        f"{count} {word if count == 1 else f'{word}s'}"
        for severity, word in ((Severity.ERROR, "error"), (Severity.WARNING, "warning"))
        if (count := counts[severity])
    ]
    return ": ".join(filter(None, (_VERDICTS[report.outcome], ", ".join(said))))


def _tests(report: AuditReport) -> Iterator[str]:
    rows = []
    for result in report.results:
        counts = Counter(finding.severity for finding in result.findings)
        cells = (_VERDICTS[result.outcome], counts[Severity.ERROR], counts[Severity.WARNING])
        rows.append((result.test, result.outcome, cells))
    yield from _summary("Tests", "What each test came to", ("Test", "Outcome", "Errors", "Warnings"), rows)


def _groups(report: AuditReport) -> Iterator[str]:
    """Tell where the findings are."""
    rows = []
    for folder, findings in report.by_folder.items():
        counts, outcome = Counter(finding.severity for finding in findings), outcome_of(findings)
        cells = (_VERDICTS[outcome], counts[Severity.ERROR], counts[Severity.WARNING])
        rows.append((ROOT if folder == "." else folder, outcome, cells))
    if rows:
        yield from _summary(
            "Folders",
            "Where findings are: image groups, most of them",
            ("Folder", "Outcome", "Errors", "Warnings"),
            rows,
        )


def _summary(
    title: str,
    caption: str,
    columns: Iterable[str],
    rows: Iterable[tuple[str, Outcome, tuple[str, int, int]]],
) -> Iterator[str]:
    yield f"<section><h2>{title}</h2>\n<table><caption>{caption}</caption>\n<thead><tr>"
    yield "".join(f'<th scope="col">{column}</th>' for column in columns)
    yield "</tr></thead>\n<tbody>\n"
    for name, outcome, (word, errors, warnings) in rows:
        yield f'<tr><th scope="row">{_breakable(_text(name))}</th><td class="{outcome}">{word}</td>'
        yield f"<td>{errors}</td><td>{warnings}</td></tr>\n"
    yield "</tbody></table></section>\n"


def _findings(findings: tuple[AuditFinding, ...], pictures: Pictures) -> Iterator[str]:
    if not findings:
        return
    yield """<section><h2>Findings</h2>
<form hidden>
<label>Text <input id="text" type="search"></label>
<label>Severity <select id="severity"><option value="">any</option><option>error</option><option>warning</option>
</select></label>
<p id="said" role="status"></p>
</form>
"""
    if len(findings) > MOST_LISTED:
        more = len(findings) - MOST_LISTED
        yield f"<p>These are the first {MOST_LISTED:,}; the JSON and the CSV have the other {more:,}, too.</p>\n"
    yield '<table class="findings"><caption>All findings</caption>\n<thead><tr>'
    yield "".join(f'<th scope="col">{column}</th>' for column in _COLUMNS)
    yield "</tr></thead>\n<tbody>\n"
    for finding in findings[:MOST_LISTED]:
        message = _text(finding.message)
        yield f'<tr data-severity="{finding.severity}"><td class="{finding.severity}">{finding.severity}</td>'
        yield f'<td data-label="Error">{finding.error}</td><td data-label="Test">{_text(finding.test)}</td>'
        yield f'<td data-label="Path">{_text(finding.path)}</td>'
        yield f'<td data-key="{message}">{message}{pictures.beside(finding)}</td></tr>\n'
    yield "</tbody></table></section>\n"


def _text(value: str) -> str:
    return html.escape(visible(value))


def _breakable(name: str) -> str:
    """Let a browser break a name between its words, where a column is narrow."""
    return re.sub("(?<=[a-z])(?=[A-Z])", "<wbr>", name)


def _hash(inline: str) -> str:
    digest = base64.b64encode(hashlib.sha256(inline.encode("utf-8")).digest()).decode("ascii")
    return f"'sha256-{digest}'"
