"""Killed anywhere and started again, a run ends in the same state with the same bytes."""

import itertools

import pytest

from fixtures.house import bag_zip, work_files
from fixtures.killing import Instant, run_in_child

STRUCK = {-9, 3}
"""Killed, or stopped by a database that refused."""

WORKS = {"W22084": work_files("W22084", pages=2), "W1AC6": work_files("W1AC6", pages=1)}


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("instant", "step"),
    [
        ("before commit", 1),
        ("after commit", 1),
        ("before delete", 1),
        ("locked at commit", 1),
        # There is one of these for every file, and the rooms' own tests die at each of them.
        ("before rename", 4),
        ("after rename", 5),
        ("before removal", 6),
    ],
)
def test_a_run_that_is_killed_at_any_instant_and_started_again_ends_as_if_it_had_not_been(
    make_house, instant: Instant, step: int
):
    deaths = 0
    for number in itertools.count(1, step):
        house = make_house(visibility=0)
        house.send(bag_zip(house.root / "W22084.bag.zip", WORKS))
        first = run_in_child(house.config, instant=instant, number=number)
        if first in STRUCK:
            deaths += 1
            assert run_in_child(house.config) == 0
        assert house.states() == {"W22084": "complete", "W1AC6": "complete"}
        assert {rid: house.archived(rid) for rid in WORKS} == WORKS
        assert [row.delivery for row in house.works()] == [1, 1]
        assert house.messages() == 0
        assert house.leftovers() == []
        if first not in STRUCK:
            assert first == 0
            break
    assert deaths >= 2


@pytest.mark.timeout(600)
@pytest.mark.parametrize("number", [1, 3, 5, 8])
def test_a_killed_run_ends_the_same_on_every_database(make_house, database_url: str, number: int):
    house = make_house(visibility=0, settings=f'[catalog]\nurl = "{database_url}"\n')
    house.send(bag_zip(house.root / "W22084.bag.zip", WORKS))
    assert run_in_child(house.config, instant="after commit", number=number) == -9
    assert run_in_child(house.config) == 0
    assert house.states() == {"W22084": "complete", "W1AC6": "complete"}
    assert {rid: house.archived(rid) for rid in WORKS} == WORKS
    assert house.messages() == 0
    assert house.leftovers() == []


@pytest.mark.timeout(600)
@pytest.mark.parametrize("instant", ["before commit", "after rename"])
def test_a_damaged_delivery_is_rejected_and_kept_however_often_its_run_is_killed(make_house, instant: Instant):
    deaths = 0
    for number in itertools.count(1):
        house = make_house(visibility=0)
        house.send_work("W22084", damage="images/W22084-0001/00010002.jpg")
        first = run_in_child(house.config, instant=instant, number=number)
        if first in STRUCK:
            deaths += 1
            run_in_child(house.config)
        (row,) = house.works()
        assert (row.state, row.reason_code) == ("rejected", "checksum-mismatch")
        assert house.archived("W22084") == {}
        assert house.leftovers() == []
        house.s3.head_object(Bucket=house.bucket, Key="Archive1/84/W22084/W22084.bag.zip")
        if first not in STRUCK:
            break
    assert deaths >= 1
