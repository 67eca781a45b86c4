from hypothesis import given
from hypothesis import strategies as st

from ao_workflows.platform.envfile import read_env, values_in, with_values

NAMES = st.from_regex(r"[A-Z][A-Z0-9_]{0,8}", fullmatch=True)
VALUES = st.from_regex(r"[A-Za-z0-9./:_-]{0,12}", fullmatch=True)


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


@given(st.dictionaries(NAMES, VALUES), st.dictionaries(NAMES, VALUES))
def test_what_is_set_is_read_again_and_nothing_else_changes(before, wanted):
    text = "".join(f"{name}={value}\n" for name, value in before.items())
    assert values_in(with_values(text, wanted)) == before | wanted
