"""The documentation's pages, their examples, and the pages built."""

from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture(scope="session")
def docs() -> Path:
    """Return the folder of the documentation's sources."""
    return DOCS
