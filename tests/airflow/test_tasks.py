"""What a task tells Airflow: try again, give up, or skip."""

import json
import shutil

import pytest
from airflow.sdk.exceptions import AirflowException, AirflowFailException, AirflowSkipException

from ao_workflows.airflow import tasks
from ao_workflows.catalog import Claim, retry_delivery
from ao_workflows.staging.stages import ARCHIVE, AUDIT, PUBLISH, UNBAG


@pytest.fixture
def conf(house, monkeypatch):
    """Return what claims the house's delivery, and gives the configuration of its run."""
    monkeypatch.setenv("AO_CONFIG", str(house.config))

    def claim() -> dict[str, object]:
        tasks.drain_sources()
        (arguments,) = tasks.claim_deliveries()
        return arguments["conf"]

    return claim


def test_a_good_delivery_goes_through_all_tasks(house, conf):
    files = house.send_work("W22084")
    claimed = conf()
    tasks.run_stage(UNBAG, claimed)
    (work,) = tasks.list_works(claimed)
    tasks.run_stage(AUDIT, claimed, work_id=work)
    tasks.run_stage(ARCHIVE, claimed, work_id=work)
    tasks.run_stage(PUBLISH, claimed, work_id=work)
    assert tasks.finish_delivery(claimed) == "complete"
    assert house.archived("W22084") == files


def test_rejected_content_is_not_tried_again(house, conf):
    house.send_work("W22084", damage="images/W22084-0001/00010001.jpg")
    claimed = conf()
    with pytest.raises(AirflowFailException, match=r"00010001\.jpg"):
        tasks.run_stage(UNBAG, claimed)
    with pytest.raises(AirflowFailException, match="is rejected"):
        tasks.finish_delivery(claimed)


def test_a_failed_system_is_tried_again(house, conf):
    house.send_work("W22084")
    claimed = conf()
    tasks.run_stage(UNBAG, claimed)
    (work,) = tasks.list_works(claimed)
    tasks.run_stage(AUDIT, claimed, work_id=work)
    shutil.rmtree(house.archive / "Archive3")
    with pytest.raises(AirflowException, match="Archive3") as failed:
        tasks.run_stage(ARCHIVE, claimed, work_id=work)
    assert not isinstance(failed.value, AirflowFailException | AirflowSkipException)
    (house.archive / "Archive3").mkdir()
    tasks.run_stage(ARCHIVE, claimed, work_id=work)
    tasks.run_stage(PUBLISH, claimed, work_id=work)
    assert tasks.finish_delivery(claimed) == "complete"


def test_waiting_is_skipped(house, conf, restores):
    del restores
    house.s3.put_object(Bucket=house.bucket, Key="W22084.bag.zip", Body=b"zip", StorageClass="DEEP_ARCHIVE")
    claimed = conf()
    with pytest.raises(AirflowSkipException, match="the restore of"):
        tasks.run_stage(UNBAG, claimed)
    with pytest.raises(AirflowSkipException):
        tasks.finish_delivery(claimed)
    assert house.states() == {"W22084": "waiting"}


def test_claims_that_were_never_started_are_given_out_again_with_the_same_name(house, conf):
    house.send_work("W22084")
    claimed = conf()
    first, second = tasks.claim_deliveries(), tasks.claim_deliveries()
    assert first == second == [{"trigger_run_id": "W22084__d1a1", "conf": claimed}]
    tasks.run_stage(UNBAG, claimed)
    assert tasks.claim_deliveries() == []


def test_a_run_of_an_older_claim_gives_up(house, conf):
    house.send_work("W22084")
    claimed = conf()
    with pytest.raises(AirflowFailException, match=r"no longer holds"):
        tasks.run_stage(UNBAG, {**claimed, "attempt": 0})


def test_a_run_that_lost_its_delivery_does_not_end_as_if_all_were_well(house, conf):
    house.send_work("W22084")
    claimed = conf()
    process = house.process()
    with process.catalog.transaction() as session:
        retry_delivery(session, claimed["delivery"], actor="admin", force=True)
    tasks.claim_deliveries()
    with pytest.raises(AirflowFailException, match=r"lost .* to attempt 2"):
        tasks.finish_delivery(claimed)


@pytest.mark.parametrize("by_hand", [{}, {"delivery": "W22084", "attempt": 1}, {"delivery": 1}])
def test_a_run_that_was_started_by_hand_says_how_it_should_be(by_hand):
    with pytest.raises(AirflowFailException, match="ao works retry"):
        tasks.claim_of(by_hand)


def test_a_run_knows_its_claim():
    claim = Claim(7, 2, "W22084")
    assert tasks.claim_of(tasks.conf_of(claim)) == claim


def test_a_queue_that_cannot_be_drained_fails_the_task_after_the_others_were_drained(house, conf):
    house.send_work("W22084")
    broken = house.config.read_text().replace("queues = [", 'queues = [{ name = "not-there" }, ')
    house.config.write_text(broken)
    with pytest.raises(AirflowException, match="not-there"):
        conf()
    assert house.states() == {"W22084": "received"}


def test_a_catalog_that_is_not_there_fails_the_task_in_one_sentence(house, conf):
    (house.root / "catalog.db").unlink()
    with pytest.raises(AirflowException, match="ao db upgrade"):
        conf()


@pytest.fixture
def connected(house, conf, monkeypatch):
    """Let the house's keys be in an Airflow connection, and nowhere else."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    house.config.write_text(house.config.read_text().replace("aws = {", 'aws = { airflow_connection = "aws_staging",'))
    return conf


def test_keys_may_come_from_an_airflow_connection(house, connected, monkeypatch):
    monkeypatch.setenv("AIRFLOW_CONN_AWS_STAGING", '{"conn_type": "aws", "login": "KEY", "password": "secret"}')
    files = house.send_work("W22084")
    claimed = connected()
    tasks.run_stage(UNBAG, claimed)
    (work,) = tasks.list_works(claimed)
    tasks.run_stage(AUDIT, claimed, work_id=work)
    tasks.run_stage(ARCHIVE, claimed, work_id=work)
    assert house.archived("W22084") == files


def test_the_keys_of_a_connection_are_never_shown(monkeypatch):
    content = {"conn_type": "aws", "login": "KEY", "password": "sEcReT", "extra": {"aws_session_token": "tOkEn"}}
    monkeypatch.setenv("AIRFLOW_CONN_AWS_STAGING", json.dumps(content))
    keys = tasks.keys_of_connection("aws_staging")
    assert (keys.access_key_id, keys.secret_access_key, keys.session_token) == ("KEY", "sEcReT", "tOkEn")
    assert "sEcReT" not in repr(keys)
    assert "tOkEn" not in repr(keys)


@pytest.mark.usefixtures("house", "connected")
@pytest.mark.parametrize(
    ("content", "message"),
    [(None, "no Airflow connection aws_staging"), ('{"conn_type": "aws"}', "holds no keys")],
)
def test_a_connection_that_has_no_keys_is_told(monkeypatch, content, message):
    if content is not None:
        monkeypatch.setenv("AIRFLOW_CONN_AWS_STAGING", content)
    with pytest.raises(AirflowException, match=message):
        tasks.drain_sources()
