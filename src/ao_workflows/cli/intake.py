"""``ao intake``: put on record what has arrived."""

from typing import Annotated

import typer

from ao_workflows.catalog import messages_not_understood
from ao_workflows.cli.output import JsonOption, print_json, say, settings_with_logs
from ao_workflows.errors import ExitCode
from ao_workflows.staging.intake import drain
from ao_workflows.staging.process import Process


def intake(
    problems: Annotated[
        bool, typer.Option("--problems", help="Do not drain; list the messages that were not understood.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Drain the queues and look into the drop folder, once, and put every delivery on record.

    A message leaves its queue only after what it says is committed. `ao run` and the Airflow DAG do this by themselves.
    """
    process = Process.open(settings_with_logs())
    if problems:
        _list_problems(process, as_json=as_json)
        return
    report = drain(process)
    if as_json:
        print_json(report.as_dict())
    else:
        say(
            f"{report.messages} messages, {len(report.new_deliveries)} new deliveries, "
            f"{report.not_understood} not understood, {report.settling} dropped files still settling."
        )
        for error in report.failures:
            say(str(error), style="red")
    if report.failures:
        raise typer.Exit(ExitCode.SYSTEM)


def _list_problems(process: Process, *, as_json: bool) -> None:
    with process.catalog.reading() as session:
        messages = messages_not_understood(session)
    if as_json:
        print_json(
            {
                "messages": [
                    {
                        "queue": message.queue,
                        "message_id": message.message_id,
                        "received": message.received_at.isoformat(),
                        "problem": message.problem,
                        "body": message.body,
                    }
                    for message in messages
                ]
            }
        )
        return
    for message in messages:
        say(f"{message.received_at:%Y-%m-%d %H:%M} {message.queue} {message.message_id}: {message.problem}")
        say(f"    {message.body[:500]}")
    if not messages:
        say("All messages were understood.")
