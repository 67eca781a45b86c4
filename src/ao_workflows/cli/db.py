"""``ao db``: the catalog's tables."""

from typing import Annotated

import typer

from ao_workflows.catalog import Catalog
from ao_workflows.cli.output import JsonOption, print_json, say, settings_with_logs
from ao_workflows.staging.opened_catalog import open_catalog

app = typer.Typer(help="The catalog's database: upgrade and check its tables.", no_args_is_help=True)


@app.command()
def upgrade(
    create: Annotated[bool, typer.Option("--create", help="Create the PostgreSQL database, too, if need be.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Create the catalog's tables, or bring them to this version; harmless when there is nothing to do."""
    catalog = open_catalog(settings_with_logs())
    if create:
        catalog.create_database()
    before, after = catalog.upgrade()
    if as_json:
        print_json({"catalog": catalog.name, "before": before, "after": after})
    elif before == after:
        say(f"{catalog.name} is up to date (revision {after}).")
    else:
        say(f"{catalog.name}: {before or 'empty'} → revision {after}.")


@app.command()
def check(as_json: JsonOption = False) -> None:
    """Check that the catalog answers and that its tables are those of this version (exit code 3 if not)."""
    catalog = open_catalog(settings_with_logs())
    catalog.check()
    _show_good(catalog, as_json=as_json)


def _show_good(catalog: Catalog, *, as_json: bool) -> None:
    if as_json:
        print_json({"catalog": catalog.name, "revision": catalog.revision(), "good": True})
    else:
        say(f"{catalog.name} answers and is at revision {catalog.revision()}.")
