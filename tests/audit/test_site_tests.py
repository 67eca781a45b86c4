"""Tests that a site brings in a package of its own, installed as files that Python finds: the example of the docs."""

import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ao_workflows.audit import audit_tests, run_audit
from ao_workflows.errors import SystemFailed

PAGE = (Path(__file__).parents[2] / "docs" / "audit.md").read_text(encoding="utf-8")
MODULE = PAGE.partition("```python\n")[2].partition("```")[0]
PROJECT = tomllib.loads(PAGE.partition("```ini\n")[2].partition("```")[0])["project"]
((NAME, VALUE),) = PROJECT["entry-points"]["ao_workflows.audit_tests"].items()

Install = Callable[..., None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Return a function that installs a package with one audit test."""

    def put(code: str = MODULE, value: str = VALUE) -> None:
        site = tmp_path / "site"
        info = site / "our_audits-1.0.dist-info"
        info.mkdir(parents=True)
        (site / "our_audits.py").write_text(code)
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: our-audits\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[ao_workflows.audit_tests]\n{NAME} = {value}\n")
        monkeypatch.syspath_prepend(site)
        audit_tests.cache_clear()

    yield put
    sys.modules.pop("our_audits", None)
    audit_tests.cache_clear()


def test_a_sites_test_runs_with_the_others(make_work: Callable[..., Path], good_v1: list[str], install: Install):
    install()
    report = run_audit(make_work(*good_v1))
    assert report.results[-1].test == "NoTiffOnTheWeb"
    assert [(finding.error, finding.path) for finding in report.findings] == [
        (901, "images/W22084-0886/08860002.tif"),
    ]
    assert report.outcome == "failed"


@pytest.mark.parametrize(
    ("code", "value", "why"),
    [
        ("import nothing_like_it", "our_audits:X", "ModuleNotFoundError: No module named 'nothing_like_it'"),
        ("X = dict", "our_audits:X", "our_audits:X is no class that derives from AuditTest"),
        (MODULE.replace("901", "150"), VALUE, "its error number 150 is kept for tests that are"),
        (
            MODULE.replace('"NoTiffOnTheWeb"', '"FileSequence"'),
            VALUE,
            "another test FileSequence",
        ),
        (
            MODULE.replace('{901: "A web image is a TIFF."}', "{}"),
            VALUE,
            "declares no error number",
        ),
    ],
)
def test_a_sites_test_that_cannot_be_used_is_named_and_nothing_is_audited(
    make_work: Callable[..., Path], good_v1: list[str], install: Install, code: str, value: str, why: str
):
    install(code, value)
    with pytest.raises(SystemFailed) as caught:
        run_audit(make_work(*good_v1))
    assert caught.value.message.startswith("The audit test 'no-tiff' of our-audits cannot be used: ")
    assert why in caught.value.message
    assert caught.value.code == "audit-test-broken"
