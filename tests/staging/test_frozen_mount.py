"""What becomes of deliveries whose archive mount stops answering while a stage works there."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ao_workflows.catalog import retry_delivery as ask_for_retry
from ao_workflows.errors import ExitCode
from ao_workflows.staging import archive as archive_stage
from ao_workflows.staging import audit as audit_stage
from ao_workflows.staging import publish as publish_stage
from ao_workflows.staging import site_archive
from fixtures.freezing import FreezableDisk
from fixtures.house import House

pytestmark = pytest.mark.slow

SYNC = Path(__file__).parents[1] / "fixtures" / "syncOneWork.sh"


@pytest.fixture
def make_cold_house(
    make_house: Callable[..., House], freezable: Callable[[Path], FreezableDisk]
) -> Callable[..., tuple[House, FreezableDisk]]:
    """Return a maker of houses whose mount for W22084 can be frozen, and is waited for half a second."""

    def make(settings: str = "") -> tuple[House, FreezableDisk]:
        house = make_house(settings=settings)
        (house.root / "web").mkdir()
        text = house.config.read_text().replace("archive = {", "archive = { answer_minutes = 0.008,")
        house.config.write_text(f'web = {{ target = "{house.root}/web" }}\n{text}')
        return house, freezable(house.archive / "Archive3")

    return make


def freeze_before(
    monkeypatch: pytest.MonkeyPatch, module: Any, name: str, disk: FreezableDisk, *, of: str = ""
) -> list[str]:
    """Let the disk freeze when the function is called that ``module`` knows by that name, and the function hang.

    :param of: only if its first argument ends so.
    :returns: the calls that came back.
    """
    real = getattr(module, name)
    called: list[str] = []
    came_back: list[str] = []

    def frozen(*args: Any, **kwargs: Any) -> Any:
        if str(args[0]).endswith(of) and not called:
            called.append(name)
            disk.freeze()
            (disk.mount / ".touched").touch()
            came_back.append(name)
        return real(*args, **kwargs)

    monkeypatch.setattr(module, name, frozen)
    return came_back


def retried(house: House) -> ExitCode:
    process = house.process()
    with process.catalog.transaction() as session:
        ask_for_retry(session, house.works()[0].delivery, actor="admin")
    process.catalog.close()
    return house.run().exit_code


@pytest.mark.parametrize(
    ("module", "name", "of", "archived"),
    [
        (archive_stage, "sync_work", "", False),
        (audit_stage, "run_audit", "Archive3/84/W22084", True),
        (publish_stage, "look_at", "", True),
        (publish_stage, "publish", "", True),
    ],
    ids=["sync", "audit of the copy", "headers", "images"],
)
def test_a_work_waits_for_a_mount_that_hangs_in_the_middle_and_then_goes_on(
    make_cold_house, monkeypatch: pytest.MonkeyPatch, module: Any, name: str, of: str, archived: bool
):
    house, disk = make_cold_house()
    came_back = freeze_before(monkeypatch, module, name, disk, of=of)
    files = house.send_work("W22084")
    assert house.run().exit_code == ExitCode.DONE
    (row,) = house.works()
    assert (row.state, row.reason_code) == ("waiting", "waiting-for-mount")
    assert f"{str(disk.mount)!r} to answer: it has not since" in row.waiting_for
    assert came_back == []
    disk.thaw_and_settle()
    assert came_back == [name]
    assert house.archived("W22084") == (files if archived else {})
    assert not list((house.root / "web").rglob("*.jpg"))
    assert retried(house) == ExitCode.DONE
    assert house.states() == {"W22084": "complete"}
    assert house.archived("W22084") == files
    assert len(list((house.root / "web").rglob("*.jpg"))) == 3


def test_a_delivery_for_another_mount_is_archived_meanwhile(make_cold_house, monkeypatch: pytest.MonkeyPatch):
    house, disk = make_cold_house()
    freeze_before(monkeypatch, archive_stage, "sync_work", disk, of="W22084")
    house.send_work("W22084")
    house.run()
    other = house.send_work("W1AC6")
    house.run()
    assert house.states() == {"W22084": "waiting", "W1AC6": "complete"}
    assert house.archived("W1AC6") == other


def test_what_the_sites_program_copied_is_proved_when_its_mount_answers_again(
    make_cold_house, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    monkeypatch.setenv("RECORD", str(tmp_path))
    house, disk = make_cold_house(
        f'sync = {{ backend = "command", command = "{SYNC}", pass_environment = ["RECORD"] }}'
    )
    came_back = freeze_before(monkeypatch, site_archive, "verify_copy", disk)
    files = house.send_work("W22084")
    house.run()
    (row,) = house.works()
    assert (row.state, row.reason_code) == ("waiting", "waiting-for-mount")
    assert came_back == []
    disk.thaw_and_settle()
    assert retried(house) == ExitCode.DONE
    assert house.states() == {"W22084": "complete"}
    assert house.archived("W22084") == files
