"""The reference says all that the program can do, and nothing that it cannot."""

import ast
import importlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main

import ao_workflows
from ao_workflows.catalog.models import Base, DeliveryState, WorkState
from ao_workflows.cli.main import app
from ao_workflows.demo.airflow_home import airflow_environment
from ao_workflows.demo.place import DemoPlace
from ao_workflows.settings import Settings
from ao_workflows.settings.explained import leaves, variables

SOURCE = Path(ao_workflows.__file__).parent

BUCKET_ACTIONS = {
    "head_bucket": {"s3:ListBucket"},
    "head_object": {"s3:GetObject", "s3:GetObjectVersion"},
    "get_object": {"s3:GetObject", "s3:GetObjectVersion"},
}
QUEUE_ACTIONS = {
    "get_queue_url": {"sqs:GetQueueUrl"},
    "receive_message": {"sqs:ReceiveMessage"},
    "delete_message": {"sqs:DeleteMessage"},
    "get_queue_attributes": {"sqs:GetQueueAttributes"},
}
"""The IAM actions behind each call, by the Service Authorization Reference of AWS."""

WEB_ACTIONS = {
    "get_paginator": {"s3:ListBucket"},
    "delete_objects": {"s3:DeleteObject"},
    "head_object": {"s3:GetObject"},
    "get_object": {"s3:GetObject"},
    "obstore.put": {"s3:PutObject"},
}
"""The same for the bucket that readers get images from."""

NOT_IN_THE_PROCESS = {"put_object", "upload_file", "delete_object"}
"""What the store can do and only the demo and tests ask for."""


@pytest.fixture(scope="module")
def rendered(docs) -> dict[str, str]:
    """Return what the documentation's own directives render, as MyST."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(docs)
        reference = importlib.import_module("_ext.reference")
        return {
            "commands": "\n".join(reference.command_lines()),
            "settings": "\n".join(reference.setting_lines()),
            "audit tests": "\n".join(reference.audit_test_lines()),
        }


def commands(command: Any, words: tuple[str, ...] = ("ao",)) -> Iterator[tuple[tuple[str, ...], Any]]:
    yield words, command
    for name, child in getattr(command, "commands", {}).items():
        yield from commands(child, (*words, name))


def test_every_command_is_rendered_with_every_option_and_its_help(rendered):
    for words, command in commands(typer.main.get_command(app)):
        heading = f"{'#' * len(words)} `{' '.join(words)}`\n"
        text = rendered["commands"].partition(heading)[2] if len(words) > 1 else rendered["commands"]
        assert text, heading
        own = text.partition("\n#")[0]
        for parameter in command.params:
            assert parameter.help, (words, parameter.name)
            assert parameter.help in own
            for option in parameter.opts if parameter.param_type_name == "option" else ():
                assert f"`{option}" in own


def test_every_setting_is_rendered_with_its_meaning_and_its_variable(rendered):
    text = rendered["settings"]
    for key, _ in leaves(Settings()):
        meaning = re.search(rf"^`{re.escape(key)}`\n: (.+)", text, flags=re.MULTILINE)
        assert meaning, f"{key} is not there"
        assert meaning[1] != "None", f"{key} has no docstring"
    named = set(re.findall(r"Variable `(\w+)`", text))
    sections = {f"AO_{name.upper()}" for name in Settings.model_fields if name != "home"}
    assert named == {name.upper() for name in variables()} - sections
    for field in ("name", "endpoint_url", "region", "profile", "credentials_file"):
        assert re.search(rf"^`{field}`\n: ", text, flags=re.MULTILINE)


@pytest.mark.parametrize(
    "line",
    [
        "Path; default `~/.local/share/ao-workflows`.",
        "Whole number, at least 1; default `120`.",
        "`text` or `json`; default `text`.",
        "Text, secret; not set by default.",
        "List of whole numbers; empty by default.",
        "Text; required.",
    ],
)
def test_a_setting_says_its_type_and_its_default(rendered, line):
    assert f"  {line}\n" in rendered["settings"]


def test_every_audit_test_is_rendered_with_its_error_numbers(rendered):
    for key, numbers in (("NoFilesInFolder", [102]), ("NoFoldersInImageGroups", [103, 104]), ("FileSequence", [105])):
        text = rendered["audit tests"].partition(f"`{key}`\n")[2]
        assert all(f"  - {number}: " in text for number in numbers)


def test_the_page_about_the_catalog_names_every_table(docs):
    page = (docs / "reference" / "catalog.md").read_text(encoding="utf-8")
    tables = set(re.findall(r"^\| `(\w+)` \|", page.partition("## Events")[0], flags=re.MULTILINE))
    assert tables == {*Base.metadata.tables, "alembic_version"}


def test_the_page_about_the_catalog_explains_every_type_of_event(docs):
    page = (docs / "reference" / "catalog.md").read_text(encoding="utf-8")
    section = page.partition("## Events\n")[2].partition("## Events in PREMIS")[0]
    explained = {name for row in re.findall(r"^\| (`.*?) \|", section, flags=re.MULTILINE) for name in words_in(row)}
    assert explained == {
        keyword.value.value
        for path in (SOURCE / "catalog").glob("*.py")
        for keyword in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(keyword, ast.keyword) and keyword.arg == "type_" and isinstance(keyword.value, ast.Constant)
    }


def test_every_state_is_explained(docs):
    page = (docs / "how-it-works.md").read_text(encoding="utf-8")
    deliveries, _, works = page.partition("## States of a delivery")[2].partition("## States of a work")
    works = works.partition("\n## ")[0]
    assert states_in(deliveries) == set(DeliveryState)
    assert states_in(works) == set(WorkState)


def states_in(section: str) -> set[str]:
    first_cells = re.findall(r"^\| ([a-z, ]+) \|", section, flags=re.MULTILINE)
    return {state for cell in first_cells for state in cell.split(", ")}


def words_in(cell: str) -> list[str]:
    return re.findall(r"`([a-z-]+)`", cell)


def test_the_policy_allows_what_the_program_asks_aws_for_and_nothing_else(docs):
    page = (docs / "aws.md").read_text(encoding="utf-8")
    document = re.search(r"<!-- iam-policy -->\n```json\n(.*?)```", page, flags=re.DOTALL)
    assert document
    statements = json.loads(document[1])["Statement"]
    allowed = {action for statement in statements for action in as_list(statement["Action"])}
    assert allowed == set().union(*BUCKET_ACTIONS.values(), *QUEUE_ACTIONS.values())


def test_the_policy_for_the_web_allows_what_publishing_asks_for_and_nothing_else(docs):
    page = (docs / "aws.md").read_text(encoding="utf-8")
    document = re.search(r"<!-- iam-policy-web -->\n```json\n(.*?)```", page, flags=re.DOTALL)
    assert document
    statements = json.loads(document[1])["Statement"]
    allowed = {action for statement in statements for action in as_list(statement["Action"])}
    assert allowed == set().union(*WEB_ACTIONS.values())


def as_list(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


@pytest.mark.parametrize(
    ("module", "known"),
    [
        ("storage/s3.py", {*BUCKET_ACTIONS, *WEB_ACTIONS, *NOT_IN_THE_PROCESS} - {"obstore.put"}),
        ("glacier/queue.py", {*QUEUE_ACTIONS}),
    ],
)
def test_the_calls_behind_the_policy_are_those_of_the_program(module, known):
    tree = ast.parse((SOURCE / module).read_text(encoding="utf-8"))
    called = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute) and is_client(node.value)}
    assert called == known


def is_client(node: ast.expr) -> bool:
    return (isinstance(node, ast.Name) and node.id == "client") or (
        isinstance(node, ast.Attribute) and node.attr == "client"
    )


def test_objects_are_listed_sent_and_removed_only_where_readers_get_them():
    rooms = [path for path in SOURCE.rglob("*.py") if path.relative_to(SOURCE).parts[0] not in {"demo", "storage"}]
    asking = re.compile(r"(store|bucket\(.*\))\.(list|put|send|delete|delete_many)\(")
    found = {path.relative_to(SOURCE).as_posix() for path in rooms if asking.search(path.read_text(encoding="utf-8"))}
    assert found == {"archive/web/proof.py", "archive/web/publish.py"}


def test_the_bundle_on_the_page_is_that_of_the_demo(docs, tmp_path):
    page = (docs / "run-with-airflow.md").read_text(encoding="utf-8")
    written = re.search(r"DAG_BUNDLE_CONFIG_LIST='(.*?)'", page, flags=re.DOTALL)
    assert written
    variables_of_demo = airflow_environment(DemoPlace(tmp_path), {})
    (on_page,) = json.loads(written[1])
    (of_demo,) = json.loads(variables_of_demo["AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST"])
    tail = "ao_workflows/airflow/dags"
    assert on_page["kwargs"].pop("path").endswith(tail)
    assert of_demo["kwargs"].pop("path").endswith(tail)
    assert on_page == of_demo
