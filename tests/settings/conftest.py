from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in an empty folder, with an empty folder of secret files."""
    folder = tmp_path / "place"
    folder.mkdir()
    (tmp_path / "secrets").mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("AO_SECRETS_DIR", str(tmp_path / "secrets"))
    return folder


@pytest.fixture
def config(place: Path) -> Callable[[str], Path]:
    """Return a function that writes ``ao.toml``."""

    def write(text: str) -> Path:
        path = place / "ao.toml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


@pytest.fixture
def secret(tmp_path: Path) -> Callable[[str, str], Path]:
    """Return a function that writes a secret file."""

    def write(name: str, content: str) -> Path:
        path = tmp_path / "secrets" / name
        path.write_text(content, encoding="utf-8")
        return path

    return write
