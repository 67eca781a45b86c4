"""The real DAGs, run by Airflow's own dag.test() in a process of their own."""

import pytest

from fixtures.house import bag_zip, work_files

pytestmark = pytest.mark.timeout(300)


def test_the_dags_bring_every_delivery_to_its_end_and_their_runs_end_as_it_did(house, airflow_of, restores):
    del restores  # a restore that nobody completes
    good = house.send_work("W22084")
    gap = work_files("W1AC6")
    del gap["archive/W1AC6-0001/00010002.tif"]
    other = work_files("W8LS68226")
    house.send(bag_zip(house.root / "W1AC6.bag.zip", {"W1AC6": gap, "W8LS68226": other}))
    house.send_work("W1NLM4700", damage="images/W1NLM4700-0001/00010001.jpg")
    frozen = bag_zip(house.root / "W1FPL2251.bag.zip", {"W1FPL2251": work_files("W1FPL2251")})
    house.s3.put_object(
        Bucket=house.bucket, Key="W1FPL2251.bag.zip", Body=frozen.read_bytes(), StorageClass="DEEP_ARCHIVE"
    )
    airflow = airflow_of(house)

    done = airflow.drive()

    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert house.states() == {
        "W22084": "complete",
        "W1AC6": "rejected",
        "W8LS68226": "complete",
        "W1NLM4700": "rejected",
        "W1FPL2251": "waiting",
    }
    assert house.archived("W22084") == good
    assert house.archived("W8LS68226") == other
    assert house.archived("W1AC6") == house.archived("W1NLM4700") == {}
    assert house.messages() == 0
    assert house.leftovers() == []
    # A run is good, bad or skipped as its delivery is; content that was rejected was tried once.
    assert airflow.run_states()["W22084"] == "success"
    assert airflow.run_states()["W1AC6"] == airflow.run_states()["W1NLM4700"] == "failed"
    assert airflow.task_states("W1NLM4700") == [
        ("finish", -1, "failed", 1),
        ("unbag", -1, "failed", 1),
        ("work.archive", -1, "upstream_failed", 0),
        ("work.audit", -1, "upstream_failed", 0),
        ("work.publish", -1, "upstream_failed", 0),
    ]
    assert [task[:3] for task in airflow.task_states("W1AC6")] == [
        ("finish", -1, "failed"),
        ("unbag", -1, "success"),
        ("work.archive", 0, "upstream_failed"),
        ("work.archive", 1, "success"),
        ("work.audit", 0, "failed"),
        ("work.audit", 1, "success"),
        ("work.publish", 0, "upstream_failed"),
        ("work.publish", 1, "success"),
    ]
    assert {task[2] for task in airflow.task_states("W1FPL2251")} == {"skipped"}
    # The history says whose hand it was, and the tasks' own log holds what happened.
    assert "stage rejected" in done.stdout + done.stderr


def test_each_delivery_gets_one_run_named_after_its_work_even_if_its_start_was_lost(house, airflow_of):
    house.send_work("W22084")
    airflow = airflow_of(house)
    done = airflow.drive("fixtures.dag_runs.trigger_twice")
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    runs = airflow.query("SELECT run_id, state FROM dag_run WHERE dag_id = 'staging_glacier_process'")
    assert runs == [("W22084__d1a1", "queued")]
    assert airflow.query("SELECT state FROM dag_run WHERE dag_id = 'intake'") == [("success",), ("success",)]


def test_an_intake_that_could_not_look_everywhere_shows_so_and_starts_the_rest(house, airflow_of):
    house.config.write_text(house.config.read_text().replace("queues = [", 'queues = [{ name = "not-there" }, '))
    house.send_work("W22084")
    airflow = airflow_of(house)
    done = airflow.drive("fixtures.dag_runs.drain_without_retries")
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert airflow.query("SELECT state FROM dag_run WHERE dag_id = 'intake'") == [("failed",)]
    assert airflow.query("SELECT run_id FROM dag_run WHERE dag_id = 'staging_glacier_process'") == [("W22084__d1a1",)]


def test_the_dag_files_take_no_time_of_their_own_to_import(house, airflow_of):
    done = airflow_of(house).drive("fixtures.dag_runs.time_imports")
    assert done.returncode == 0, done.stderr[-3000:]
    assert float(done.stdout.splitlines()[-1]) < 0.5
