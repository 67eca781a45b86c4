"""``ao works``: what became of every work."""

from collections.abc import Iterator, Sequence
from typing import Annotated, Any

import typer
from rich.table import Column, Table

from ao_workflows.catalog import (
    MAX_NUMBER,
    ChangeRow,
    Delivery,
    DeliveryState,
    Event,
    WorkRow,
    WorkState,
    changes_of,
    events_of,
    find_delivery,
    list_works,
    retry_delivery,
    works_of,
)
from ao_workflows.cli.output import JsonOption, print_json, say, settings_with_logs, user_name
from ao_workflows.cli.screen import cell, out
from ao_workflows.errors import UsageError
from ao_workflows.staging.process import Process
from ao_workflows.units import size_text
from ao_workflows.works import parse_rid

app = typer.Typer(help="Works and deliveries: list, history, try again.", no_args_is_help=True)

PATHS_SHOWN = 20
"""How many paths of a kind are shown to a person; ``--json`` has them all."""

STATE_STYLES = {"complete": "green", "rejected": "red", "error": "red", "waiting": "yellow"}
"""Colours for states; the words alone say as much."""


@app.command("list")
def list_(
    state: Annotated[
        list[str] | None, typer.Option("--state", "-s", help="Only works in this state; may be repeated.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """List all works with their state, and the reason where one stopped.

    A delivery that is not opened yet is one row, under the RID that its name gives.

    Example: ao works list --state rejected --state error
    """
    process = Process.open(settings_with_logs())
    with process.catalog.reading() as session:
        rows = list_works(session, states=_known_states(state or ()))
    if as_json:
        print_json({"works": [row.as_dict() for row in rows], "total": len(rows)})
    else:
        out().print(works_table(rows))


@app.command()
def show(
    name: Annotated[str, typer.Argument(help="A RID, or the number of a delivery.", metavar="RID|DELIVERY")],
    as_json: JsonOption = False,
) -> None:
    """Show the newest delivery of a work: where it stands, why, what to do, and its whole history.

    Example: ao works show W22084
    """
    process = Process.open(settings_with_logs())
    with process.catalog.reading() as session:
        delivery = find_delivery(session, name)
        if delivery is None:
            raise UsageError(f"There is no work or delivery {name}.", action="See `ao works list`.")
        rows = works_of(session, delivery)
        events = events_of(session, delivery.id)
    if as_json:
        print_json(_document(delivery, rows, events))
        return
    console = out()
    console.print(works_table(rows))
    for line in (line for row in rows for line in _explanation(row)):
        console.print(cell(line))
    history = Table("When (UTC)", "Who", "What", "Outcome", "Detail", box=None, pad_edge=False)
    for event in events:
        told = ", ".join(f"{key} {value}" for key, value in event.detail.items() if value not in {"", None})
        when = event.at.strftime("%Y-%m-%d %H:%M:%S")
        history.add_row(when, cell(event.actor), event.type, event.outcome, cell(told))
    console.print(history)


@app.command()
def changes(
    rid: Annotated[str, typer.Argument(help="The work.", metavar="RID")],
    last: Annotated[int, typer.Option(help="How many syncs back.", min=1, max=1000, metavar="N")] = 1,
    as_json: JsonOption = False,
) -> None:
    """Show what the last sync changed in the archive copy of a work: files added, replaced, removed and left alone.

    Example: ao works changes W22084 --last 5
    """
    process = Process.open(settings_with_logs())
    with process.catalog.reading() as session:
        found = changes_of(session, parse_rid(rid), limit=last)
    if not found:
        raise UsageError(f"No sync of {rid} is on record.", action="See `ao works list`.")
    if as_json:
        print_json({"rid": rid, "changes": [change.as_dict() for change in found]})
        return
    for change in found:
        _show_change(change)


@app.command()
def retry(
    delivery: Annotated[int, typer.Argument(help="The number of the delivery.", min=1, max=MAX_NUMBER)],
    force: Annotated[
        bool, typer.Option("--force", help="Also take it from a holder that is certainly gone, before its lease ends.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Try a delivery again that was rejected, failed or waits, after what stopped it has been mended.

    Example: ao works retry 7
    """
    process = Process.open(settings_with_logs())
    with process.catalog.transaction() as session:
        row = retry_delivery(session, delivery, actor=user_name(), force=force)
    if as_json:
        print_json({"delivery": row.id, "state": row.state})
    else:
        say(f"Delivery {row.id} ({row.source}) is due again.")


def _show_change(change: ChangeRow) -> None:
    by = f"delivery {change.delivery}" if change.delivery is not None else change.actor
    table = Table(
        "Image group",
        *(Column(kind, justify="right") for kind in ("Added", "Replaced", "Removed", "Untouched")),
        title=cell(f"{change.rid}, {change.at:%Y-%m-%d %H:%M:%S} UTC, by {by}"),
        title_justify="left",
        box=None,
        pad_edge=False,
    )
    for group, counts in change.groups.items():
        kinds = ("added", "replaced", "removed", "untouched")
        table.add_row(cell(group or "(outside of groups)"), *(str(counts.get(kind, 0)) for kind in kinds))
    console = out()
    console.print(table)
    for kind, paths in change.paths.items():
        for path in paths[:PATHS_SHOWN]:
            console.print(cell(f"  {kind}: {path}"))
        if len(paths) > PATHS_SHOWN:
            console.print(f"  {kind}: … and {len(paths) - PATHS_SHOWN} more; --json lists them all.")


def works_table(rows: list[WorkRow]) -> Table:
    """Return ``rows`` as a table for people."""
    place = Column("Where, or why not", overflow="fold")
    table = Table("Work", "State", "Files", "Size", place, "Delivery", box=None, pad_edge=False)
    for row in rows:
        table.add_row(
            cell(row.rid or "(unnamed)"),
            row.state,
            str(row.files or ""),
            size_text(row.bytes) if row.bytes else "",
            cell(row.archive_path or row.reason or row.source),
            str(row.delivery),
            style=STATE_STYLES.get(row.state),
        )
    return table


def _explanation(row: WorkRow) -> Iterator[str]:
    """Say why a work stopped, with all findings, and the next step."""
    if row.reason:
        yield f"{row.rid}: {row.reason} ({row.reason_code})"
    for finding in row.findings:
        yield f"  {finding['code']}: {finding['message']}"
        yield from (f"      {side:8} {finding[side]}" for side in ("expected", "found") if side in finding)
    if row.action:
        yield f"Next step: {row.action}"


def _known_states(names: Sequence[str]) -> Sequence[str]:
    """Return ``names`` if each is a state that a work or an unopened delivery can have."""
    known = {*DeliveryState, *WorkState}
    for name in names:
        if name not in known:
            raise UsageError(f"There is no state {name}.", action=f"States are: {', '.join(sorted(known))}.")
    return names


def _document(delivery: Delivery, rows: list[WorkRow], events: list[Event]) -> dict[str, Any]:
    return {
        "delivery": delivery.id,
        "source": delivery.source,
        "state": delivery.state,
        "attempt": delivery.attempt,
        "restore_expires_at": delivery.restore_expires_at and delivery.restore_expires_at.isoformat(),
        "works": [row.as_dict() for row in rows],
        "events": [
            {
                "at": event.at.isoformat(),
                "actor": event.actor,
                "type": event.type,
                "outcome": event.outcome,
                "work": event.work_id,
                "detail": event.detail,
            }
            for event in events
        ],
    }
