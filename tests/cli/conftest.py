"""Running ``ao``: in this process, which is fast, or as the installed program, which is the real thing."""

import functools
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import structlog

from ao_workflows.cli.main import main
from fixtures.house import work_files, write_files

PROGRAM = Path(sys.executable).with_name("ao")


@dataclass(frozen=True, slots=True)
class Answer:
    """What a run of ``ao`` left behind."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one document on standard output; anything beside it is an error."""
        return json.loads(self.out)


Ao = Callable[..., Answer]


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in an empty folder that is home to the embedded defaults, too."""
    folder = tmp_path / "place"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.setenv("AO_SECRETS_DIR", str(tmp_path / "no-secrets"))
    monkeypatch.setenv("COLUMNS", "100")
    return folder


@pytest.fixture
def in_process(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Callable[..., Answer]]:
    """Return a function that runs a program in this process, given its main function and its name."""
    before = signal.getsignal(signal.SIGTERM)

    def run(main: Callable[[], None], *words: object) -> Answer:
        capsys.readouterr()
        monkeypatch.setattr(sys, "argv", list(map(str, words)))
        with pytest.raises(SystemExit) as ended:
            main()
        told = capsys.readouterr()
        return Answer(int(ended.value.code or 0), told.out, told.err)

    yield run
    signal.signal(signal.SIGTERM, before)
    structlog.reset_defaults()


@pytest.fixture
def ao(in_process: Callable[..., Answer]) -> Ao:
    """Return a function that runs ``ao`` in this process."""
    return functools.partial(in_process, main, "ao")


@pytest.fixture
def work(place: Path) -> Path:
    return write_files(place / "W22084", work_files("W22084"))


@pytest.fixture
def gap(place: Path) -> Path:
    """Make a work that lacks its second image."""
    files = work_files("W1AC6")
    del files["images/W1AC6-0001/00010002.jpg"]
    return write_files(place / "W1AC6", files)


@pytest.fixture
def installed_ao() -> Ao:
    """Return a function that runs the installed program ``ao``."""

    def run(*arguments: object, **variables: str) -> Answer:
        ended = subprocess.run(
            [PROGRAM, *map(str, arguments)],
            capture_output=True,
            check=False,
            encoding="utf-8",
            env={**os.environ, **variables},
            timeout=60,
        )
        return Answer(ended.returncode, ended.stdout, ended.stderr)

    return run


@pytest.fixture
def mounts(place: Path) -> Path:
    for number in range(4):
        (place / "mnt" / f"Archive{number}").mkdir(parents=True)
    return place / "mnt"
