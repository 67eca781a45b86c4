import os
import subprocess
import sys

from ao_workflows.staging.holder import is_certainly_gone, own_holder

ASK = "import sys; from ao_workflows.staging.holder import *; print(is_certainly_gone(sys.argv[1]))"


def test_this_process_is_not_gone():
    assert not is_certainly_gone(own_holder())


def test_a_process_that_has_ended_is_gone():
    said = subprocess.run(
        [sys.executable, "-c", "from ao_workflows.staging.holder import own_holder; print(own_holder())"],
        check=True,
        capture_output=True,
        text=True,
    )
    assert is_certainly_gone(said.stdout.strip())


def test_another_process_that_was_given_the_same_id_is_not_the_holder():
    host_and_id = own_holder().rpartition(":")[0]
    assert host_and_id.endswith(f":{os.getpid()}")
    assert is_certainly_gone(f"{host_and_id}:1")


def test_of_a_process_in_another_container_of_this_name_nothing_is_certain():
    seen = subprocess.run(
        [
            "unshare",
            "--user",
            "--map-root-user",
            "--pid",
            "--fork",
            "--mount-proc",
            sys.executable,
            "-c",
            ASK,
            own_holder(),
        ],
        check=True,
        capture_output=True,
        text=True,
    )
    assert seen.stdout.strip() == "False"


def test_of_other_machines_and_of_airflow_nothing_is_certain():
    elsewhere = own_holder().replace("ao-run@", "ao-run@another-").rpartition(":")[0] + ":1"
    for holder in (elsewhere, "airflow", "airflow@worker:17:3", "", "ao-run@", "ao-run@host:x:1"):
        assert not is_certainly_gone(holder)
