from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ao_workflows.storage import LocalStore, ObjectInfo, S3Store, Store
from fixtures.aws import MakeBucket

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

PART_SIZE = 5 << 20
"""The smallest part that S3 takes: a file of a few MiB is already sent in parts."""


@pytest.fixture
def local_root(tmp_path: Path) -> Path:
    root = tmp_path / "root"
    root.mkdir()
    return root


@pytest.fixture
def local_store(local_root: Path) -> LocalStore:
    return LocalStore(local_root)


@pytest.fixture
def s3_store(s3: "S3Client", make_bucket: MakeBucket) -> S3Store:
    return S3Store(s3, make_bucket(), part_size=PART_SIZE)


@pytest.fixture(params=["local", "s3"])
def store(request: pytest.FixtureRequest) -> Store:
    """Every backend in turn: what is tested with this is the contract."""
    store: Store = request.getfixturevalue(f"{request.param}_store")
    return store


@pytest.fixture(params=["local", "s3"])
def missing_store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    """Every backend in turn, with its root folder or bucket not there."""
    if request.param == "local":
        return LocalStore(tmp_path / "not-mounted")
    return S3Store(request.getfixturevalue("s3"), "no-such-bucket")


@pytest.fixture
def file_of(tmp_path: Path) -> Callable[[bytes], Path]:
    """Return a maker of local files with a given content."""
    folder = tmp_path / "files"
    folder.mkdir()

    def make(content: bytes) -> Path:
        path = folder / f"file-{len(list(folder.iterdir()))}"
        path.write_bytes(content)
        return path

    return make


@pytest.fixture
def put(file_of: Callable[[bytes], Path]) -> Callable[[Store, str, bytes], ObjectInfo]:
    """Return a function that stores bytes under a key."""
    return lambda store, key, content: store.put(key, file_of(content))
