import pytest
from hypothesis import given
from hypothesis import strategies as st

from ao_workflows.errors import UsageError
from ao_workflows.platform.envfile import read_env, values_in, with_values

NAMES = st.from_regex(r"[A-Z][A-Z0-9_]{0,8}", fullmatch=True)
VALUES = st.text(st.characters(codec="utf-8", exclude_characters="\\", exclude_categories=["C", "Z"]), max_size=12)


def test_values_are_read_as_compose_reads_them():
    text = "# A comment\nA=1\nexport B = two words \nC='quoted # no comment'\nD=\"x\"\nE=value # a comment\nF=\nA=2\n"
    assert values_in(text) == {
        "A": "2",
        "B": "two words",
        "C": "quoted # no comment",
        "D": "x",
        "E": "value",
        "F": "",
    }


def test_a_file_that_is_not_there_has_no_values(tmp_path):
    assert read_env(tmp_path / ".env") == {}


def test_a_changed_value_leaves_every_other_line_as_it_was():
    text = "# Why it is so\nA=1\n\nB=2  # kept\n"
    assert with_values(text, {"A": "9", "C": "3"}) == "# Why it is so\nA=9\n\nB=2  # kept\nC=3\n"


def test_of_a_name_that_is_there_twice_both_change():
    assert with_values("A=1\nA=2\n", {"A": "3"}) == "A=3\nA=3\n"


@pytest.mark.parametrize("line", ["ROOT=${HOME}/x", 'ROOT="$HOME/x"', "ROOT=/a$b"])
def test_a_value_that_compose_would_put_together_is_refused_with_its_line(line):
    with pytest.raises(UsageError, match=r"\.env:2: ") as refused:
        values_in(f"A=1\n{line}\n")
    assert refused.value.code == "env-file"


def test_a_dollar_in_single_quotes_is_a_dollar():
    assert values_in("ROOT='/a$b'\n") == {"ROOT": "/a$b"}
    assert with_values("", {"ROOT": "/my #1 $archive"}) == "ROOT='/my #1 $archive'\n"


@given(st.dictionaries(NAMES, VALUES), st.dictionaries(NAMES, VALUES))
def test_what_is_set_is_read_again_and_nothing_else_changes(before, wanted):
    assert values_in(with_values(with_values("", before), wanted)) == before | wanted
