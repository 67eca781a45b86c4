"""A work for every error number, and for the border beside it, in both layouts; all tests run on each."""

from pathlib import Path

import pytest

from ao_workflows.audit import audit_tests, parse_properties, run_audit
from ao_workflows.errors import UsageError

from .corpus import IMAGES, STRUCTURE, Row, make_work, place_in

ROWS = [*STRUCTURE, *IMAGES]


@pytest.mark.parametrize("layout", ["V1", "V2"])
@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_an_audit_finds_what_is_wrong_and_nothing_else(tmp_path: Path, layout: str, row: Row):
    report = run_audit(make_work(tmp_path, layout, row), jobs=1)
    found = {(finding.test, finding.error, str(finding.severity), finding.path) for finding in report.findings}
    assert found == {(test, error, weight, place_in(layout, place)) for test, error, weight, place in row.found}
    assert len(report.findings) == len(row.found)


@pytest.mark.parametrize("size", ["large", "", "0", "4\N{KELVIN SIGN}", "\N{ARABIC-INDIC DIGIT FOUR}"])
def test_a_limit_that_is_no_size_is_error_113_before_anything_is_audited(size: str):
    with pytest.raises(UsageError) as caught:
        parse_properties([f"MaximumImageFileSize={size}"])
    assert caught.value.code == "audit-113"


def test_every_error_number_has_a_work():
    in_table = {error for row in ROWS for _, error, _, _ in row.found} | {113}
    declared = {100, 101}.union(*(test.errors for test in audit_tests().values()))
    assert sorted(declared - in_table) == [], "these have no work in the table"
    assert sorted(in_table - declared) == [], "these are in the table, and no test declares them"
