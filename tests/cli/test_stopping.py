"""``ao run`` that is asked to stop in the middle of its work."""

import os
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from ao_workflows.catalog import events_of, find_delivery
from fixtures.faults import Fault, FaultyProxy
from fixtures.house import bag_zip, work_files

from .conftest import PROGRAM

if TYPE_CHECKING:
    from fixtures.house import House

PATIENCE_SECONDS = 60


@pytest.fixture
def slow_house(house: "House", faulty_s3: FaultyProxy) -> "House":
    """Let the house reach its bucket by the proxy, which can stall."""
    text = house.config.read_text()
    house.config.write_text(text.replace(house.settings.aws.endpoint_url or "", faulty_s3.url))
    return house


@contextmanager
def running(house: "House", *arguments: str) -> Iterator["subprocess.Popen[str]"]:
    environment = {**os.environ, "AO_CONFIG": str(house.config)}
    with subprocess.Popen(
        [PROGRAM, "run", *arguments],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    ) as child:
        try:
            yield child
        finally:
            child.kill()


@pytest.mark.parametrize(("sent", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_asked_to_stop_in_the_middle_of_a_download_a_run_gives_its_claim_back(slow_house, faulty_s3, sent, code):
    slow_house.send(bag_zip(slow_house.root / "W22084.bag.zip", {"W22084": work_files("W22084")}))
    reading = threading.Event()
    faulty_s3.fail("GET", Fault(stall_after=10, before=reading.set))
    with running(slow_house) as child:
        assert reading.wait(PATIENCE_SECONDS)
        child.send_signal(sent)
        _, told = child.communicate(timeout=PATIENCE_SECONDS)
    assert child.returncode == code
    assert "Traceback" not in told
    assert slow_house.states() == {"W22084": "received"}
    process = slow_house.process()
    with process.catalog.reading() as session:
        delivery = find_delivery(session, "W22084")
        assert delivery is not None
        assert (delivery.claimed_by, delivery.lease_until, delivery.failures) == (None, None, 0)
        assert [event.type for event in events_of(session, delivery.id)][-1] == "claim-given-back"
    process.catalog.close()
    assert slow_house.run().exit_code == 0
    assert slow_house.archived("W22084") == work_files("W22084")


def test_asked_to_stop_while_it_rests_a_run_stops_at_once(slow_house, faulty_s3):
    resting = threading.Event()
    # Its second look into the empty queue, after the bucket's test event, is the last thing before it rests.
    faulty_s3.fail("POST", Fault(), Fault(), Fault(), Fault(before=resting.set))
    with running(slow_house) as child:
        assert resting.wait(PATIENCE_SECONDS)
        child.terminate()
        _, told = child.communicate(timeout=PATIENCE_SECONDS)
    assert child.returncode == 143
    assert "Traceback" not in told
