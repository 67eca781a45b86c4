import pytest

from ao_workflows.audit import AuditProperties, parse_properties
from ao_workflows.errors import UsageError


@pytest.mark.parametrize(
    ("assignments", "expected"),
    [
        ([], set()),
        (["ErrorsAsWarning=111,115,110,117,118,119,116"], {110, 111, 115, 116, 117, 118, 119}),
        (["ErrorsAsWarning = 101 , 102,"], {101, 102}),
        (["ErrorsAsWarning=101", "ErrorsAsWarning=102"], {102}),
        (["ErrorsAsWarning="], set()),
    ],
)
def test_errors_as_warning_is_a_comma_list_of_numbers(assignments: list[str], expected: set[int]):
    assert parse_properties(assignments).errors_as_warning == expected


def test_what_is_not_set_stays_as_it_was():
    base = AuditProperties(errors_as_warning=frozenset({105}))
    assert parse_properties([], base=base) == base


def test_an_unknown_property_is_an_error_that_suggests_the_nearest():
    with pytest.raises(UsageError) as caught:
        parse_properties(["ErrorAsWarnings=101"])
    assert caught.value.message == "'ErrorAsWarnings' is not an audit property."
    assert caught.value.action == "Did you mean ErrorsAsWarning?"


@pytest.mark.parametrize("text", ["ErrorsAsWarning", ""])
def test_a_text_without_an_equals_sign_is_an_error(text: str):
    with pytest.raises(UsageError, match="sets no audit property"):
        parse_properties([text])


@pytest.mark.parametrize("value", ["abc", "101,x", "-1", "1.5", "²", "1" * 5000])
def test_a_value_that_is_no_number_is_an_error(value: str):
    with pytest.raises(UsageError, match="no error number"):
        parse_properties([f"ErrorsAsWarning={value}"])


@pytest.mark.parametrize(
    ("text", "expected"), [("0", 0.0), ("1", 1.0), ("1.0", 1.0), ("0.6", 0.6), (".5", 0.5), (" 0.0005 ", 0.0005)]
)
def test_a_share_is_a_number_from_0_to_1(text: str, expected: float):
    assert parse_properties([f"SizeOutlierRatio={text}"]).size_outlier_ratio == expected


@pytest.mark.parametrize("text", ["", "-0.1", "1.1", "60%", "nan", "inf", "1e-1", "\u0660", "0.5.5"])
def test_what_is_no_share_is_an_error(text: str):
    with pytest.raises(UsageError) as caught:
        parse_properties([f"MajorityShare={text}"])
    assert caught.value.message == f"MajorityShare is {text!r}."
    assert caught.value.action == "Write a number from 0 to 1, such as MajorityShare=0.6."


def test_the_error_for_a_test_that_could_not_work_stays_an_error():
    with pytest.raises(UsageError, match="cannot be made a warning"):
        parse_properties(["ErrorsAsWarning=100"])
