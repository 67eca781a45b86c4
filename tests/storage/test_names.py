import pytest
from hypothesis import given
from hypothesis import strategies as st

from ao_workflows.storage.names import shown


@pytest.mark.parametrize("name", ["W1.bag.zip", "a b+c'd\"e.zip", "བོད་ཡིག.zip", "😀", ""])
def test_a_name_of_printable_characters_is_shown_as_it_is(name: str):
    assert shown(name) == name


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a\nb", r"'a\nb'"),
        ("\x1b[2J", r"'\x1b[2J'"),
        ("a\u202egnp", r"'a\u202egnp'"),
        ("caf\udce9", r"'caf\udce9'"),
        ("nul\0", r"'nul\x00'"),
        ("བོད\n", r"'བོད\n'"),
    ],
)
def test_any_other_is_quoted_with_its_odd_characters_escaped(name: str, expected: str):
    assert shown(name) == expected


@given(st.text(st.characters(codec=None)))
def test_what_is_shown_is_always_printable(name: str):
    assert shown(name).isprintable()
    shown(name).encode()
