"""Renders the reference from the program itself, so that it cannot drift from it.

Three directives: ``ao-commands`` (every command with its arguments and options), ``ao-settings`` (every setting) and
``ao-audit-tests`` (every audit test with its error numbers). Each writes MyST, which is parsed where the directive
stands.
"""

import types
from collections.abc import Callable, Iterator
from typing import Any, ClassVar, Literal, Union, get_args, get_origin

import typer.main
from annotated_types import Ge, Gt, Le
from docutils import nodes
from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined
from sphinx.application import Sphinx
from sphinx.pycode import ModuleAnalyzer
from sphinx.util.docutils import SphinxDirective

from ao_workflows.audit import audit_tests
from ao_workflows.cli.lazy import commands_in
from ao_workflows.cli.main import app
from ao_workflows.settings import Settings

_SHORT_TYPES = {
    "str": "text",
    "int": "whole number",
    "float": "number",
    "bool": "true or false",
    "Path": "path",
    "SecretStr": "text, secret",
}


def command_lines() -> Iterator[str]:
    """Yield the reference of all commands as MyST."""
    yield from _command(typer.main.get_command(app), ("ao",))


def _command(command: Any, words: tuple[str, ...]) -> Iterator[str]:
    children = commands_in(command)
    # The program itself is what the page is about: its options stand without a heading of their own.
    if len(words) > 1:
        yield from ("", f"{'#' * len(words)} `{' '.join(words)}`", "")
    text, _, example = (command.help or "").partition("Example: ")
    yield from (text.strip(), "")
    arguments = [parameter for parameter in command.params if parameter.param_type_name == "argument"]
    options = [parameter for parameter in command.params if parameter.param_type_name == "option"]
    if not children:
        usage = " ".join([*words, *(_metavar(argument) for argument in arguments), "[OPTIONS]"])
        yield from ("```text", usage, "```", "")
    for argument in arguments:
        yield from _definition(f"`{_metavar(argument)}`", argument.help)
    for option in options:
        names = ", ".join(f"`{name}{_value(option)}`" for name in option.opts)
        yield from _definition(names, option.help)
    if example:
        yield from ("Example:", "", "```console", f"$ {example.strip()}", "```", "")
    for name in sorted(children):
        yield from _command(children[name], (*words, name))


def _metavar(parameter: Any) -> str:
    return str(parameter.metavar or parameter.name.upper())


def _value(option: Any) -> str:
    return "" if option.is_flag else f" {option.metavar or option.name.upper()}"


def _definition(term: str, text: str) -> Iterator[str]:
    yield from (term, f": {text}", "")


def setting_lines() -> Iterator[str]:
    """Yield the reference of all settings as MyST."""
    sections = {name: section for name, field in Settings.model_fields.items() if (section := _section_of(field))}
    yield from ("", "## Top level", "", "These keys stand before the first table of `ao.toml`.", "")
    for name in Settings.model_fields:
        if name not in sections:
            yield from _setting(Settings, name, ())
    for name, section in sections.items():
        yield from ("", f"## `[{name}]`", "", _first_line(section), "")
        for key in section.model_fields:
            yield from _setting(section, key, (name,))
        # A heading ends the list of keys, so the tables come after all of them.
        for key, field in section.model_fields.items():
            if table := _table_in(field.annotation):
                yield from _table(f"{name}.{key}", table)


def _setting(section: type[BaseModel], key: str, above: tuple[str, ...]) -> Iterator[str]:
    field, path = section.model_fields[key], (*above, key)
    variable = f"AO_{'__'.join(path).upper()}"
    yield f"`{'.'.join(path)}`"
    yield f": {_meaning(section, key)}"
    yield ""
    yield f"  {_type_text(field)}; {_default_text(field)}."
    yield f"  Variable `{variable}`, secret file `{variable.lower()}`."
    yield ""


def _meaning(section: type[BaseModel], key: str) -> str:
    """Return what stands below a setting in the source, also of one that is inherited."""
    said = ModuleAnalyzer.for_module(Settings.__module__).find_attr_docs()
    return next(" ".join(said[each.__name__, key]).strip() for each in section.__mro__ if (each.__name__, key) in said)


def _table(key: str, table: type[BaseModel]) -> Iterator[str]:
    """Yield the keys of one table in a list of tables, which have no variables of their own."""
    yield from ("", f"### `[[{key}]]`", "", _first_line(table), "")
    for name, field in table.model_fields.items():
        needed = "required" if field.is_required() else _default_text(field)
        yield from (f"`{name}`", f": {_meaning(table, name)}", "", f"  {_type_text(field)}; {needed}.", "")


def _section_of(field: FieldInfo) -> type[BaseModel] | None:
    annotation = field.annotation
    return annotation if isinstance(annotation, type) and issubclass(annotation, BaseModel) else None


def _table_in(annotation: Any) -> type[BaseModel] | None:
    for part in get_args(annotation):
        if isinstance(part, type) and issubclass(part, BaseModel):
            return part
    return None


def _first_line(model: type[BaseModel]) -> str:
    return (model.__doc__ or "").strip().partition("\n")[0]


def _type_text(field: FieldInfo) -> str:
    text = _name_of(field.annotation)
    least = [bound.ge for bound in field.metadata if isinstance(bound, Ge)]
    above = [bound.gt for bound in field.metadata if isinstance(bound, Gt)]
    most = [bound.le for bound in field.metadata if isinstance(bound, Le)]
    bounds = [
        *(f", at least {bound}" for bound in least),
        *(f", more than {bound}" for bound in above),
        *(f", at most {bound}" for bound in most),
    ]
    return (text + "".join(bounds)).capitalize()


def _name_of(annotation: Any) -> str:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin in {Union, types.UnionType}:
        return next(_name_of(part) for part in arguments if part is not type(None))
    if origin is Literal:
        return " or ".join(f"`{value}`" for value in arguments)
    if origin in {tuple, frozenset}:
        return f"list of {_name_of(arguments[0])}s"
    if origin is not None:  # Annotated
        return _name_of(arguments[0])
    if issubclass(annotation, BaseModel):
        return "table"
    return _SHORT_TYPES[annotation.__name__]


def _default_text(field: FieldInfo) -> str:
    value = field.default
    if value is PydanticUndefined:
        return "required"
    if value is None or isinstance(value, SecretStr):
        return "not set by default"
    if isinstance(value, tuple | frozenset):
        return "empty by default"
    return f"default `{value}`"


def audit_test_lines() -> Iterator[str]:
    """Yield every audit test with its error numbers as MyST."""
    for test in audit_tests().values():
        yield f"`{test.key}`"
        yield f": {test.summary}"
        yield ""
        for number, meaning in sorted(test.errors.items()):
            yield f"  - {number}: {meaning}"
        yield ""


class _Rendered(SphinxDirective):
    """A directive that stands for MyST made by :attr:`lines`."""

    lines: ClassVar[Callable[[], Iterator[str]]]

    def run(self) -> list[nodes.Node]:
        """Return what the lines mean."""
        return self.parse_text_to_nodes("\n".join(type(self).lines()), allow_section_headings=True)


class Commands(_Rendered):
    """Every command of ``ao``."""

    lines = staticmethod(command_lines)


class SettingsReference(_Rendered):
    """Every setting."""

    lines = staticmethod(setting_lines)


class AuditTests(_Rendered):
    """Every audit test."""

    lines = staticmethod(audit_test_lines)


def setup(sphinx: Sphinx) -> dict[str, bool]:
    """Register the directives."""
    sphinx.add_directive("ao-commands", Commands)
    sphinx.add_directive("ao-settings", SettingsReference)
    sphinx.add_directive("ao-audit-tests", AuditTests)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
