"""The demo's samples, drawn once, and a stand-in that belongs to one test module."""

import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ao_workflows.demo.samples import SampleDelivery, Samples, make_samples
from ao_workflows.demo.standin import AwsStandIn


@pytest.fixture(scope="session")
def samples(tmp_path_factory: pytest.TempPathFactory) -> Samples:
    return make_samples(tmp_path_factory.mktemp("samples"), seed=1)


@pytest.fixture
def unzip(tmp_path: Path) -> Callable[[SampleDelivery], Path]:
    """Return a function that unpacks a delivery with Python's own zip reader."""

    def unpack(delivery: SampleDelivery) -> Path:
        target = tmp_path / "unzipped"
        with zipfile.ZipFile(delivery.zip_path) as archive:
            archive.extractall(target)
        return target

    return unpack


@pytest.fixture(scope="module")
def standin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AwsStandIn]:
    with AwsStandIn(tmp_path_factory.mktemp("standin")) as running:
        yield running
