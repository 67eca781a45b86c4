"""Deployments made by whoever runs the tests, from this checkout; no Docker is needed for these tests."""

import os
from pathlib import Path

import pytest

from ao_workflows.platform.changes import carry_out
from ao_workflows.platform.checkout import Checkout, find_checkout
from ao_workflows.platform.deploy import Wish, plan
from ao_workflows.platform.deployment import Deployment


@pytest.fixture
def checkout() -> Checkout:
    """Give the checkout that is tested."""
    return find_checkout()


@pytest.fixture
def deployment(tmp_path) -> Deployment:
    """Name a directory in which nothing is deployed yet."""
    return Deployment(tmp_path / "ao")


@pytest.fixture
def operator() -> int:
    """Give the uid that services shall run as: one's own, or an ordinary one for root."""
    return os.geteuid() or 2001


@pytest.fixture
def deployed(checkout, deployment, operator) -> Deployment:
    """Deploy to try things."""
    carry_out(plan(checkout, deployment, Wish(kind="dev", uid=operator)), deployment)
    return deployment


def snapshot(folder: Path) -> dict[str, bytes]:
    """Return the content of every file below ``folder`` by its path."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
