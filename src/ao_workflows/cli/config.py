"""``ao config``: the settings in force."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import typer
from rich.table import Table

from ao_workflows.cli.output import JsonOption, print_json
from ao_workflows.cli.screen import cell, out
from ao_workflows.settings import explain_settings, load_settings

app = typer.Typer(help="The settings in force, and where each of them comes from.", no_args_is_help=True)


@app.command()
def show(as_json: JsonOption = False) -> None:
    """Print every setting, its value and its origin; secrets are masked.

    Defaults are overridden by ao.toml (or the file that AO_CONFIG names), that by AO_SECTION__KEY in the environment,
    and that by the secret files ao_section__key in /run/secrets.
    """
    values = explain_settings(load_settings())
    if as_json:
        print_json({"settings": [{"key": v.key, "value": _plain(v.value), "origin": v.origin} for v in values]})
        return
    table = Table("Setting", "Value", "From", box=None, pad_edge=False)
    for value in values:
        style = "dim" if value.origin == "default" else None
        table.add_row(value.key, cell(_text(value.value)), cell(value.origin), style=style)
    out().print(table)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, tuple | frozenset):
        return [_plain(item) for item in (sorted(value) if isinstance(value, frozenset) else value)]
    return str(value) if isinstance(value, Path) else value


def _text(value: Any) -> str:
    plain = _plain(value)
    return "" if plain is None else str(plain)
