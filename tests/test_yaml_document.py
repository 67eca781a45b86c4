"""Settings in YAML: what is wrong is named with its line; what a stranger could do with YAML is refused."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict

from ao_workflows.yaml_document import MOST_BYTES, InvalidYaml, read_yaml


class Inner(BaseModel):
    model_config = ConfigDict(extra="forbid")

    names: tuple[str, ...] = ()
    on: bool = True


class Outer(BaseModel):
    model_config = ConfigDict(extra="forbid")

    inner: Inner = Inner()
    several: tuple[Inner, ...] = ()


def problem_of(text: str | bytes) -> str:
    with pytest.raises(InvalidYaml) as caught:
        read_yaml(text if isinstance(text, bytes) else text.encode(), Outer)
    return str(caught.value)


def test_a_document_becomes_its_model():
    text = b"# rules\ninner:\n  names: [a, b]\nseveral:\n- names:\n  - c\n"
    assert read_yaml(text, Outer) == Outer(inner=Inner(names=("a", "b")), several=(Inner(names=("c",)),))


@pytest.mark.parametrize("text", ["", "# only a comment\n", "---\n", "{}"])
def test_an_empty_document_leaves_everything_as_it_is(text: str):
    assert read_yaml(text.encode(), Outer) == Outer()


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("inner:\n  name: [a]\n", "Line 2: there is no key 'inner.name' (did you mean names?)."),
        ("iner: {}\n", "Line 1: there is no key 'iner' (did you mean inner?)."),
        ("inner:\n  on: false\n  names: abc\n", "Line 3: inner.names has to be a list."),
        ("several:\n- names: [a]\n- names:\n  - a\n  - 1\n", "Line 5: several.1.names.1 has to be text."),
        ("inner: 3\n", "Line 1: inner has to be a table of keys and values."),
        ("- inner\n", "Line 1: the document has to be a table of keys and values."),
        ("a: 1\n\nb: 2\n", "Line 1: there is no key 'a'. Line 3: there is no key 'b'."),
        ("inner: {}\ninner: {}\n", "Line 2 sets 'inner' again."),
        ("inner:\n  names: [a\n", "Line 3: expected ',' or ']', but got '<stream end>'."),
        ("inner: &a {}\nseveral: [*a]\n", "Line 2 refers to an anchor; write it out."),
        ("inner: !!python/object/apply:os.system ['true']\n", "Line 1: could not determine a constructor for the tag"),
        ("a: 1\n---\nb: 2\n", "Line 2: but found another document."),
        (b"inner: \xff\n", "It is not text in UTF-8: see byte 8."),
        (b"#" * (MOST_BYTES + 1), "It is larger than 65,536 bytes."),
        ("[" * 5000 + "]" * 5000, "It is nested too deeply."),
    ],
    ids=range(15),
)
def test_what_is_wrong_is_named_with_its_line(text: str | bytes, problem: str):
    assert problem_of(text).startswith(problem.removesuffix("."))


@given(st.text(alphabet="ab:-[]{}&*!|>\n '\"#,?%@`", max_size=60))
def test_no_text_does_more_than_be_wrong(text: str):
    with suppress(InvalidYaml):
        assert isinstance(read_yaml(text.encode(), Outer), Outer)
