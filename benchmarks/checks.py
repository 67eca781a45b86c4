"""That what a program left is right: a job that was not done is done fast. None of this is measured."""

import filecmp
import gzip
import json
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.works import RID, files_of

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client


class Wrong(Exception):
    """A program ended well, and left something that it should not have."""


def check_copy(work: Path, place: Path) -> None:
    """Make sure that the work is somewhere below ``place``, with its times."""
    copy = next(path for path in place.rglob(RID) if path.is_dir())
    for path in files_of(work):
        found = copy / path.relative_to(work)
        if not _is_same(path, found) or found.stat().st_mtime_ns != path.stat().st_mtime_ns:
            raise Wrong(f"{found} is not what {path} is")


def check_bucket(images: Path, served: Path) -> None:
    """Make sure that the images, and nothing but a manifest of ours, are in the folder that is served as a bucket."""
    found = {path.name: path for path in files_of(served)}
    found.pop("dimensions.json", None)
    expected = {path.name: path for path in files_of(images)}
    if found.keys() != expected.keys():
        raise Wrong(f"{served} holds {len(found)} images, and {len(expected)} were sent")
    for name, path in expected.items():
        if not _is_same(path, found[name]):
            raise Wrong(f"{found[name]} is not what {path} is")


def check_manifest(client: "S3Client", bucket: str, key: str, images: Path) -> None:
    """Make sure that a browser can read the manifest, which names all images."""
    answer = client.get_object(Bucket=bucket, Key=key)
    headers = answer.get("ContentEncoding"), answer.get("ContentType")
    if headers != ("gzip", "application/json"):
        raise Wrong(f"{key} was stored with the headers {headers}")
    names = [entry["filename"] for entry in json.loads(gzip.decompress(answer["Body"].read()))]
    if names != sorted(path.name for path in files_of(images)):
        raise Wrong(f"{key} names {len(names)} images")


def _is_same(path: Path, other: Path) -> bool:
    return other.is_file() and filecmp.cmp(path, other, shallow=False)
