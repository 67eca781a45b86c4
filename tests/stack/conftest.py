"""The real thing: a Docker engine, stand-ins for the public base images, and a newcomer's clone of the project."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from .bases import bases, make_bases
from .engine import Engine, running_engine
from .machine import Machine, Platform

PROJECT = Path(__file__).parents[2]
AIRFLOW = "apache/airflow:3.3.2-python3.11"
POSTGRES = "postgres:17"
REDIS = "redis:8"


@pytest.fixture(scope="session")
def engine() -> Iterator[Engine]:
    """Run an engine that has the base images which the Dockerfile and the compose file name."""
    if os.geteuid() != 0:
        pytest.fail("a Docker engine of the tests' own needs root")
    with running_engine() as engine:
        make_bases(engine, bases(airflow=AIRFLOW, postgres=POSTGRES, redis=REDIS))
        yield engine


@pytest.fixture(scope="session")
def machine(engine, tmp_path_factory) -> Machine:
    """Give a machine with a fresh clone in ``/opt/ao-workflows``."""
    machine = Machine(engine, tmp_path_factory.mktemp("machine"))
    origin = machine.root / "origin"
    copy_of_project(origin)
    machine.type(f"git clone --quiet {origin} /opt/ao-workflows", "cd /opt/ao-workflows")
    return machine


def copy_of_project(target: Path) -> None:
    """Make a repository with the files of this checkout as they are now, committed or not."""
    listed = subprocess.run(
        ["git", "-C", PROJECT, "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    for name in filter(None, listed.split("\0")):
        if (PROJECT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(PROJECT / name, target / name)
    commit(target, "init", "--quiet")


def commit(repository: Path, *before: str) -> None:
    """Commit all that is in ``repository``, after the git command ``before``."""
    identity = ("-c", "user.name=tests", "-c", "user.email=tests@localhost.localdomain")
    for words in (before, ("add", "--all"), (*identity, "commit", "--quiet", "--message", "A change")):
        if words:
            subprocess.run(["git", "-C", repository, *words], check=True)


@pytest.fixture(scope="session")
def quick(machine) -> Iterator[Platform]:
    """Give the stack in the clone's own folder; whatever a test leaves of it is removed."""
    platform = Platform(machine, machine.root / "opt" / "ao-workflows" / "airflow-docker")
    yield platform
    platform.compose("--profile", "dev", "down", "--volumes", check=False)


@pytest.fixture(scope="session")
def real(machine) -> Iterator[Platform]:
    """Give the deployment in ``/srv/ao``, on an archive whose roots are mounts; all of it is removed afterwards."""
    mounts = [machine.root / "mnt" / f"Archive{number}" for number in range(4)]
    for mount in mounts:
        mount.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=512m,uid=2001,gid=0,mode=0755", "tmpfs", mount], check=True)
    platform = Platform(machine, machine.root / "srv" / "ao")
    try:
        yield platform
    finally:
        platform.compose("--profile", "dev", "--profile", "celery", "down", "--volumes", check=False)
        for mount in mounts:
            subprocess.run(["umount", "--lazy", mount], check=False)
