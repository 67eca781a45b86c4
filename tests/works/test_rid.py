import pytest
from hypothesis import given
from hypothesis import strategies as st

from ao_workflows.errors import ExitCode
from ao_workflows.works import InvalidRid, parse_rid


@pytest.mark.parametrize(
    "text", ["W22084", "W1FPL2251", "W1NLM4700", "W8LS68226", "W1AC6", "W1", "W1-1", "W1_old", "W" + "1" * 44]
)
def test_an_identifier_of_a_work_is_taken_as_it_is(text: str):
    assert parse_rid(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "W",
        "w22084",
        "22084",
        "W" + "1" * 45,
        "W1.bag",
        "W1 2",
        " W1",
        "W1\n",
        "W1\0",
        "W1/../W2",
        "..",
        "-W1",
        "W1\\2",
        "W1%20",
        "W1:2",
        "W1é",
        "W1٣٤",
        "\uff37\uff11",
        "\u212a1",
    ],
)
def test_anything_else_is_rejected_as_content(text: str):
    with pytest.raises(InvalidRid, match="is not the identifier of a work") as rejection:
        parse_rid(text)
    assert rejection.value.code == "rid-invalid"
    assert rejection.value.exit_code is ExitCode.REJECTED
    assert not rejection.value.retryable
    assert "W22084" in str(rejection.value)
    assert rejection.value.action


def is_rid(text: str) -> bool:
    try:
        parse_rid(text)
    except InvalidRid:
        return False
    return True


@given(st.text(max_size=100).filter(is_rid) | st.from_regex(r"\A[A-Z][A-Za-z0-9_-]{1,44}\Z"))
def test_what_is_taken_is_safe_in_a_path_a_key_and_a_shell(text: str):
    assert parse_rid(text) == text
    assert 2 <= len(text) <= 45
    assert set(text) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-")
    assert "A" <= text[0] <= "Z"


@given(st.text(max_size=200).filter(lambda text: not is_rid(text)))
def test_what_is_not_taken_is_shown_shortened_and_without_control_characters(text: str):
    with pytest.raises(InvalidRid) as rejection:
        parse_rid(text)
    assert str(rejection.value).isprintable()
    assert len(str(rejection.value)) < 1200
