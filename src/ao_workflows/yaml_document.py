"""Reading a YAML file into a model, with errors that name the line.

The file may come from a stranger: it is bounded, and says everything once (no anchors, no key twice), so that it means
what a person sees in it.
"""

import difflib
from collections.abc import Iterator
from typing import TypeVar

import yaml
from pydantic import BaseModel, ValidationError

Model = TypeVar("Model", bound=BaseModel)

MOST_BYTES = 64 << 10
"""The largest file that is read: a thousand lines of settings."""

_PLAIN_ENGLISH = {
    "tuple_type": "has to be a list",
    "frozen_set_type": "has to be a list",
    "bool_type": "has to be true or false",
    "string_type": "has to be text",
    "model_type": "has to be a table of keys and values",
    "model_attributes_type": "has to be a table of keys and values",
    "missing": "is missing",
}


class InvalidYaml(ValueError):
    """What is wrong with the file, each with its line, in sentences."""


def read_yaml(content: bytes, model: type[Model]) -> Model:
    """Return the model that a YAML document holds; an empty document holds none of its keys.

    :raises InvalidYaml: naming the line of everything that is wrong.
    """
    node = _composed(content)
    try:
        # The loader for plain values only: no tag can make it build anything else.
        document = None if node is None else yaml.SafeLoader("").construct_document(node)
    except (yaml.YAMLError, ValueError, TypeError, RecursionError) as error:
        raise InvalidYaml(_text_of(error)) from error
    try:
        return model.model_validate({} if document is None else document)
    except ValidationError as error:
        raise InvalidYaml(" ".join(_problems(error, node, model))) from error


def _composed(content: bytes) -> yaml.Node | None:
    if len(content) > MOST_BYTES:
        raise InvalidYaml(f"It is larger than {MOST_BYTES:,} bytes.")
    try:
        text = content.decode("utf-8")
        for event in yaml.parse(text, Loader=yaml.SafeLoader):
            if isinstance(event, yaml.AliasEvent):
                line = f"Line {event.start_mark.line + 1}" if event.start_mark else "It"
                raise InvalidYaml(f"{line} refers to an anchor; write it out.")
        node: yaml.Node | None = yaml.compose(text, Loader=yaml.SafeLoader)
        if node is not None:
            _expect_once(node)
    except UnicodeDecodeError as error:
        raise InvalidYaml(f"It is not text in UTF-8: see byte {error.start + 1}.") from error
    except (yaml.YAMLError, RecursionError) as error:
        raise InvalidYaml(_text_of(error)) from error
    return node


def _expect_once(node: yaml.Node) -> None:
    for key, value in _items(node):
        if isinstance(node, yaml.MappingNode):
            twice = [other for other, _ in node.value if other.value == key.value and other is not key]
            if twice:
                raise InvalidYaml(f"Line {twice[-1].start_mark.line + 1} sets {key.value!r} again.")
        _expect_once(value)


def _items(node: yaml.Node) -> Iterator[tuple[yaml.Node, yaml.Node]]:
    """Yield the key and the value of each item; an item of a list is its own key."""
    if isinstance(node, yaml.MappingNode):
        yield from node.value
    elif isinstance(node, yaml.SequenceNode):
        yield from ((item, item) for item in node.value)


def _text_of(error: Exception) -> str:
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
        return f"Line {error.problem_mark.line + 1}: {error.problem}."
    if isinstance(error, RecursionError):
        return "It is nested too deeply."
    return f"It is not YAML: {' '.join(str(error).split())[:200]}."


def _problems(error: ValidationError, node: yaml.Node | None, model: type[BaseModel]) -> Iterator[str]:
    for detail in error.errors(include_input=False, include_url=False):
        location = [part for part in detail["loc"] if isinstance(part, str | int)]
        key = ".".join(str(part) for part in location)
        line = _line_of(node, location)
        if detail["type"] == "extra_forbidden":
            yield f"Line {line}: there is no key {key!r}{_nearest(str(location[-1]), location[:-1], model)}."
        else:
            problem = _PLAIN_ENGLISH.get(detail["type"], detail["msg"].removeprefix("Value error, "))
            yield f"Line {line}: {key or 'the document'} {problem}."


def _line_of(node: yaml.Node | None, location: list[str | int]) -> int:
    """Return the line of what ``location`` leads to, or of the nearest thing around it that is there."""
    line = node.start_mark.line + 1 if node is not None else 1
    for part in location:
        found = None
        for number, (key, value) in enumerate(_items(node) if node is not None else ()):
            if part == (number if isinstance(part, int) else key.value):
                found = key, value
        if found is None:
            break
        line, node = found[0].start_mark.line + 1, found[1]
    return line


def _nearest(name: str, location: list[str | int], model: type[BaseModel]) -> str:
    """Return a hint at the key that was meant, empty if none is near."""
    known: type[BaseModel] | None = model
    for part in location:
        field = known.model_fields.get(str(part)) if known and isinstance(part, str) else None
        known = field.annotation if field and isinstance(field.annotation, type) else None
    close = difflib.get_close_matches(name, list(known.model_fields) if known else [], n=1)
    return f" (did you mean {close[0]}?)" if close else ""
