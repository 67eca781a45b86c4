import pytest

from ao_workflows.errors import AoError, ContentRejected, ExitCode, Finding, MustWait, SystemFailed, UsageError


def test_the_exit_codes_are_those_that_scripts_rely_on():
    assert [(code.name, int(code)) for code in ExitCode] == [("DONE", 0), ("REJECTED", 1), ("USAGE", 2), ("SYSTEM", 3)]


@pytest.mark.parametrize(
    ("kind", "code", "exit_code", "retryable"),
    [
        (ContentRejected, "content-rejected", 1, False),
        (UsageError, "usage", 2, False),
        (SystemFailed, "system-failed", 3, True),
    ],
)
def test_a_kind_of_error_says_who_has_to_act_and_whether_trying_again_helps(
    kind: type[AoError], code: str, exit_code: int, retryable: bool
):
    error = kind("It broke.")
    assert (error.code, error.exit_code, error.retryable) == (code, exit_code, retryable)


def test_a_wait_says_for_what():
    wait = MustWait("12.4 GB of free space in /scratch", action="Free some.", code="waiting-for-disk")
    assert wait.waiting_for == "12.4 GB of free space in /scratch"
    assert str(wait) == "Waiting for 12.4 GB of free space in /scratch. Free some."
    assert (wait.code, wait.exit_code, wait.retryable) == ("waiting-for-disk", 3, True)
    assert MustWait("a person").code == "waiting"


def test_the_operator_reads_what_happened_and_then_what_to_do():
    assert str(AoError("It broke.", action="Mend it.")) == "It broke. Mend it."
    assert str(AoError("It broke.")) == "It broke."


def test_a_code_of_its_own_does_not_change_that_of_the_class():
    assert SystemFailed("x", code="bucket-missing").code == "bucket-missing"
    assert SystemFailed("x").code == "system-failed"


def test_findings_are_kept_in_order():
    first, second = (Finding(code="a", path="1", message="x"), Finding(code="b", path="2", message="y"))
    assert ContentRejected("x", findings=[first, second]).findings == (first, second)
    assert ContentRejected("x").findings == ()


def test_a_finding_is_printed_without_the_sides_that_are_not_known():
    bare = Finding(code="file-missing", path="data/a", message="a is missing.")
    assert bare.as_dict() == {"code": "file-missing", "path": "data/a", "message": "a is missing."}
    full = Finding(code="checksum", path="data/a", message="a differs.", expected="", found="1f")
    assert full.as_dict() == {
        "code": "checksum",
        "path": "data/a",
        "message": "a differs.",
        "expected": "",
        "found": "1f",
    }
