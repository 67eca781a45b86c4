"""Publishings that are killed at moments that nobody has chosen: what readers find then, and what is sent next."""

import gzip
import hashlib
import json
import random
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ao_workflows.archive.web import PublishResult
from fixtures import killed_at_random
from fixtures.aws import ACCESS_KEY_ID, SECRET_ACCESS_KEY, MakeBucket
from fixtures.faults import FaultyProxy
from fixtures.killed_at_random import Killer, killer

pytestmark = pytest.mark.slow

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

KILLS = 50
PLACE = "Works/60/W22084/images/"
IIIF = "Works/60/W22084/manifest.json"


@pytest.fixture(scope="module")
def kills() -> Iterator[Killer]:
    with killer() as running:
        yield running


@dataclass
class Web:
    """Where readers get images.

    :param job: what publishes there, and ``arguments``: after the images, and before the record.
    :param own: the same for what is never killed, where that is another way there.
    :param read: returns all that readers may find there, by key.
    :param reset: makes it hold this, and nothing else.
    """

    job: str
    arguments: tuple[object, ...]
    read: Callable[[], dict[str, bytes]]
    reset: Callable[[dict[str, bytes]], None]
    own: tuple[object, ...] = ()

    def publish(self, images: Path, record: Path) -> PublishResult:
        result = killed_at_random.JOBS[self.job](images, *(self.own or self.arguments), record)
        assert isinstance(result, PublishResult)
        return result


def folder_web(folder: Path) -> Web:
    def read() -> dict[str, bytes]:
        return {
            path.relative_to(folder).as_posix(): path.read_bytes()
            for path in folder.rglob("*")
            if path.is_file() and not path.name.startswith(".")
        }

    def reset(content: dict[str, bytes]) -> None:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        for key, each in content.items():
            (folder / key).parent.mkdir(parents=True, exist_ok=True)
            (folder / key).write_bytes(each)

    return Web("publish_to_folder", (folder,), read, reset)


def bucket_web(s3: "S3Client", bucket: str, proxy: FaultyProxy) -> Web:
    keys = [ACCESS_KEY_ID, SECRET_ACCESS_KEY]

    def etags() -> dict[str, str]:
        proxy.wait_until_left()  # what was on its way when the other was killed has arrived, or is lost
        found = s3.list_objects_v2(Bucket=bucket).get("Contents", [])
        return {entry["Key"]: entry["ETag"].strip('"') for entry in found}

    @cache
    def content_of(key: str, etag: str) -> bytes:
        content = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
        assert md5(content) == etag
        return content

    def reset(content: dict[str, bytes]) -> None:
        there = etags()
        for key in there.keys() - content.keys():
            s3.delete_object(Bucket=bucket, Key=key)
        for key, each in content.items():
            if there.get(key) != md5(each):
                s3.put_object(Bucket=bucket, Key=key, Body=each)

    return Web(
        "publish_to_bucket",
        (proxy.url, bucket, keys),
        lambda: {key: content_of(key, etag) for key, etag in etags().items()},
        reset,
        own=(s3.meta.endpoint_url, bucket, keys),
    )


@pytest.fixture(params=["folder", "bucket"])
def web(request: pytest.FixtureRequest, tmp_path: Path) -> Web:
    if request.param == "folder":
        return folder_web(tmp_path / "web")
    make_bucket: MakeBucket = request.getfixturevalue("make_bucket")
    return bucket_web(request.getfixturevalue("s3"), make_bucket(), request.getfixturevalue("own_faulty_s3"))


def md5(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def make(folder: Path, groups: dict[str, dict[int, str]]) -> Path:
    for group, pages in groups.items():
        (folder / f"W22084-{group}").mkdir(parents=True)
        for page, text in pages.items():
            (folder / f"W22084-{group}" / f"{group}{page:04d}.jpg").write_bytes(text.encode() * 2000)
    return folder


def named(found: dict[str, bytes]) -> set[str]:
    """Return the keys of all images that a manifest names."""
    keys = set()
    for key, content in found.items():
        if key.endswith("/dimensions.json"):
            pages = json.loads(gzip.decompress(content))
            keys |= {key.replace("dimensions.json", page["filename"]) for page in pages}
    if IIIF in found:
        canvases = json.loads(found[IIIF])["items"]
        bodies = [canvas["items"][0]["items"][0]["body"]["id"] for canvas in canvases]
        keys |= {body.removeprefix("https://iiif.example.org/") for body in bodies}
    return keys


def test_no_manifest_names_an_image_that_is_not_there_and_the_next_one_sends_what_is_missing(
    tmp_path: Path, web: Web, kills: Killer
):
    pages = {page: f"page {page}" for page in range(1, 6)}
    first = make(tmp_path / "first", {"0001": pages, "0002": pages, "0003": pages})
    second = make(tmp_path / "second", {"0001": {**pages, 3: "a better scan", 6: "new"}, "0003": pages, "0004": pages})
    record = tmp_path / "web.jsonl"
    web.reset({})
    web.publish(first, record)
    before, recorded = web.read(), record.read_bytes()
    assert named(before) == {key for key in before if key.endswith(".jpg")}
    seconds = kills.run(web.job, second, *web.arguments, record)
    assert seconds is not None
    after = web.read()
    assert named(after) == {key for key in after if key.endswith(".jpg")}
    assert len(after) == 6 + 5 + 5 + 3 + 1
    seed = random.SystemRandom().randrange(1 << 32)
    chosen = random.Random(seed)  # noqa: S311  # nothing is encrypted
    states = set()
    for number in range(KILLS):
        moment = chosen.uniform(0, seconds)
        web.reset(before)
        record.write_bytes(recorded)
        kills.run(web.job, second, *web.arguments, record, after=moment)
        try:
            now = web.read()
            states.add(tuple(sorted(now.items())))
            assert all(content in (before.get(key), after.get(key)) for key, content in now.items())
            assert named(now) <= now.keys()
            assert now.keys() >= before.keys() & after.keys()
            result = web.publish(second, record)
            assert web.read() == after
            assert result.sent == len([key for key in after if now.get(key) != after[key]])
            assert result.removed == len(now.keys() - after.keys())
        except BaseException:
            print(f"seed {seed}, number {number}: killed after {moment} of {seconds} seconds")  # noqa: T201  # pytest shows it with the failure
            raise
    again = web.publish(second, record)
    assert (again.sent, again.removed, again.unchanged) == (0, 0, len(after))
    assert len(states) > 1, f"seed {seed}"
