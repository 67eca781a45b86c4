"""A catalog that cannot record makes nothing move: what is not on record stays in the queue."""

import json
import os
import sqlite3
import subprocess
import sys

AO = [sys.executable, "-c", "from ao_workflows.cli.main import main; main()"]


def ao(house, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*AO, *arguments],
        env={**os.environ, "AO_CONFIG": str(house.config), "AO_CATALOG__BUSY_TIMEOUT_SECONDS": "1", **environment},
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_a_locked_catalog_is_told_and_the_delivery_is_taken_when_it_is_free_again(make_house):
    house = make_house(visibility=0)
    files = house.send_work("W22084")
    waiting = house.messages()
    holder = sqlite3.connect(house.root / "catalog.db", isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")

    refused = ao(house, "run", "--once", "--json")

    assert refused.returncode == 3
    assert json.loads(refused.stdout)["error"]["code"] == "catalog-locked"
    assert "another process has been writing" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert house.messages() == waiting
    holder.execute("ROLLBACK")
    holder.close()
    assert ao(house, "run", "--once").returncode == 0
    assert house.archived("W22084") == files


def test_a_read_only_catalog_is_told_and_every_message_stays_in_its_queue(make_house):
    house = make_house(visibility=0)
    files = house.send_work("W22084")
    waiting = house.messages()
    read_only = f"sqlite:///file:{house.root / 'catalog.db'}?mode=ro&uri=true"

    for command in (["intake"], ["run", "--once"]):
        refused = ao(house, *command, "--json", AO_CATALOG__URL=read_only)
        assert refused.returncode == 3
        assert json.loads(refused.stdout)["error"]["code"] == "catalog-read-only"
        assert "Traceback" not in refused.stderr
        assert house.messages() == waiting

    assert ao(house, "run", "--once").returncode == 0
    assert house.archived("W22084") == files


def test_a_catalog_without_tables_is_told_and_every_message_stays_in_its_queue(make_house):
    house = make_house(visibility=0)
    house.send_work("W22084")
    waiting = house.messages()
    (house.root / "catalog.db").unlink()
    refused = ao(house, "run", "--once")
    assert refused.returncode == 3
    assert "ao db upgrade" in refused.stderr
    assert house.messages() == waiting
