"""The page about errors and the code name the same error codes."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import ao_workflows
from ao_workflows.audit import audit_tests
from ao_workflows.audit.findings import FOLDER_MISSING, NOT_AUDITED

SOURCE = Path(ao_workflows.__file__).parent
PAGE = Path(__file__).parents[2] / "docs" / "troubleshooting.md"

KEBAB = re.compile(r"[a-z0-9]+(-[a-z0-9]+)+")
"""What an error code looks like. Each such text in the code is one, unless it is listed below."""

NO_CODES = {
    # kinds of events and messages in the catalog
    *("announced-again", "claim-given-back", "claim-taken-back", "not-understood", "retry-asked"),
    *("stage-ended", "stage-started"),
    # names and fields of other specifications
    *("detail-type", "payload-oxum", "restore-expiry-time", "us-east-1", "utf-8", "version-id"),
    # names of things
    *("ao-run", "ao-workflows", "apache-airflow", "api-server", "claim-keeper", "dag-processor", "stand-in"),
    *("read-only", "sync-inventory", "sync-logs"),
    *(
        "airflow-docker",
        "audit-reports",
        "audit-test-logs",
        "audit-tool",
        "bdrc-airflow",
        "before-upgrade",
        "dumb-init",
        "image-demo",
        "rev-parse",
    ),
}


def codes_in_source() -> set[str]:
    codes = {code for path in SOURCE.rglob("*.py") for code in codes_of(ast.parse(path.read_text(encoding="utf-8")))}
    numbers = {NOT_AUDITED, FOLDER_MISSING}.union(*(test.errors for test in audit_tests().values()))
    return codes - NO_CODES | {f"audit-{number}" for number in numbers}


def codes_of(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        match node:
            case ast.Constant(value=str(text)) if KEBAB.fullmatch(text):
                yield text
            # Codes of one word are told from other words by where they stand.
            case ast.ClassDef():
                yield from (text for line in node.body for text in code_assigned(line))
            case ast.keyword(arg="code", value=ast.Constant(value=str(text))):
                yield text


def code_assigned(line: ast.stmt) -> Iterator[str]:
    match line:
        case (
            ast.Assign(targets=[ast.Name(id="code")], value=ast.Constant(value=str(text)))
            | ast.AnnAssign(target=ast.Name(id="code"), value=ast.Constant(value=str(text)))
        ) if text:
            yield text


def codes_on_page() -> list[str]:
    return re.findall(r"^\| `([a-z0-9-]+)` \|", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)


def test_every_code_in_the_source_is_explained_on_the_page():
    missing = codes_in_source() - set(codes_on_page())
    assert not missing, f"explain in {PAGE.name}, or list in NO_CODES what is no error code: {sorted(missing)}"


def test_every_code_on_the_page_is_one_in_the_source():
    assert set(codes_on_page()) - codes_in_source() == set()


def test_every_code_is_explained_once():
    codes = codes_on_page()
    assert sorted(codes) == sorted(set(codes))


def test_what_is_listed_as_no_code_is_still_in_the_source():
    texts = {text for path in SOURCE.rglob("*.py") for text in codes_of(ast.parse(path.read_text(encoding="utf-8")))}
    assert set() == NO_CODES - texts
