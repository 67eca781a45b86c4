"""Killed fifty times at random while a bag comes from a bucket: nothing that was verified is asked for again."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ao_workflows.storage import S3Store
from bags.corpus import bag_of, tree, zip_files
from fixtures import forked_unpack
from fixtures.faults import FaultyProxy

pytestmark = pytest.mark.slow

KILLS = 50
PAGES = {f"images/W22084-{number // 100:04}/{number:08}.jpg": os.urandom(50_000) for number in range(500)}
KEY = "W22084.bag.zip"
SECONDS = 0.5
"""About as long as a start takes that is not killed."""
BESIDE_PAGES = 400_000
"""Bytes that every start asks for: the zip's end and directory, ``bagit.txt``, the manifest, and local headers."""


@pytest.fixture
def start(
    aws_environment: dict[str, str], own_faulty_s3: FaultyProxy
) -> Iterator[Callable[[str, Path], tuple[int, Callable[[], int]]]]:
    """Return what starts a process that unpacks; it returns its id, and a function that waits for its end."""
    environment = {**os.environ, **aws_environment, "AWS_ENDPOINT_URL": own_faulty_s3.url}
    with subprocess.Popen(
        [sys.executable, forked_unpack.__file__],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as driver:
        assert driver.stdin is not None
        assert driver.stdout is not None
        lines, answers = driver.stdin, driver.stdout

        def unpack(bucket: str, destination: Path) -> tuple[int, Callable[[], int]]:
            lines.write(f"{bucket} {KEY} {destination}\n")
            lines.flush()
            return int(answers.readline()), end

        def end() -> int:
            lines.write("\n")
            lines.flush()
            return int(answers.readline())

        yield unpack
        lines.close()


def verified(destination: Path) -> dict[str, bytes | None]:
    """Return the pages that have their names, in a work that is not delivered yet."""
    found = tree(destination / ".W22084.partial" / "content")
    return {path: content for path, content in found.items() if path in PAGES}


def test_fifty_kills_cost_nothing_but_what_was_on_its_way(start, own_faulty_s3, bucket, s3, tmp_path):
    zipped = zip_files(tmp_path / KEY, bag_of(PAGES), "W22084.bag/")
    S3Store(s3, bucket).put(KEY, zipped)
    chance = random.Random(22084)  # noqa: S311  # the same moments each time
    kills = finished = 0
    while kills < KILLS:
        destination = tmp_path / f"round-{finished}"
        while not (destination / "W22084").exists():
            kept = verified(destination)
            assert kept.items() <= PAGES.items(), "what has its name is right"
            own_faulty_s3.forget()
            process, end = start(bucket, destination)
            if kills < KILLS:
                time.sleep(chance.uniform(0, SECONDS))
                os.kill(process, signal.SIGKILL)
            code = end()
            own_faulty_s3.wait_until_left()
            assert code in {0, -signal.SIGKILL}
            kills += code != 0
            rest = sum(len(content) for path, content in PAGES.items() if path not in kept)
            assert own_faulty_s3.asked_bytes() <= rest + BESIDE_PAGES
        finished += 1
        assert {path: content for path, content in tree(destination / "W22084").items() if path in PAGES} == PAGES
