"""What people use now, each as the command that they would type; in an environment of its own, pinned by hash."""

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from benchmarks.measure import Contender
from benchmarks.works import RID

ROOT = Path(__file__).parents[1]
BIN = ROOT / ".venv-peers" / "bin"
BUCKET = "bench"
REGION = "us-east-1"


_BDRC_BAG = [f"{BIN}/bdrc-bag", "-d", "-p"]


def own_copy(bag: Path, place: Path) -> Path:
    """Return another name for the bag: this program deletes the zip that it is given, although told not to."""
    copy = place / "source" / bag.name
    copy.parent.mkdir()
    os.link(bag, copy)
    return copy


def install() -> None:
    """Set the other programs up, once."""
    if not (BIN.parent / ".ready").is_file():
        subprocess.run([ROOT / "tools" / "setup", ".venv-peers", "peers"], check=True)


def unpackers(bag: Path) -> list[Contender]:
    """Return the other ways from a bag zip to a verified tree."""
    listed = f"cd {RID}.bag && sha512sum --check --quiet --strict manifest-sha512.txt"
    return [
        # "In a daemon": in one process; else it takes one for each core and three more.
        Contender("bdrc-bag, 1 process", lambda place: [*_BDRC_BAG, "-i", str(own_copy(bag, place)), str(place)]),
        Contender("bdrc-bag", lambda place: [*_BDRC_BAG, str(own_copy(bag, place)), str(place)]),
        Contender(
            "unzip + bagit.py",
            lambda place: shell(place, f"unzip -q {bag} && {BIN}/bagit.py --quiet --validate --processes 2 {RID}.bag"),
        ),
        Contender(
            "bdbag",
            lambda place: shell(place, f"{BIN}/bdbag --quiet --validate full --output-path {place}/out {bag}"),
        ),
        Contender("bsdtar + sha512sum", lambda place: shell(place, f"bsdtar -xf {bag} && {listed}")),
    ]


def floors(work: Path) -> list[Contender]:
    """Return the parts of the job that nobody can leave out: hashing the bytes, and writing them."""
    python = [sys.executable, "-m", "benchmarks.jobs"]
    return [
        Contender("hash only, 2 threads", lambda place: [*python, "hash", str(work), str(place)]),
        Contender("write only, 2 threads", lambda place: [*python, "write", str(work), str(place)]),
    ]


def s3_unpackers(endpoint: str, key: str, environment: dict[str, str], inside: Sequence[str] = ()) -> list[Contender]:
    """Return the other ways from an object to a verified tree, and a plain download, which verifies nothing."""
    s5cmd = [f"{BIN}/s5cmd", "--endpoint-url", endpoint]
    fetch = f"{BIN}/python -c \"import boto3; boto3.client('s3').download_file('{BUCKET}', '{key}', 'bag.zip')\""
    return [
        Contender(
            "boto3 download + bdrc-bag",
            lambda place: [*inside, *shell(place, f"{fetch} && {BIN}/bdrc-bag -d -p -i bag.zip {place}/out")],
            environment,
        ),
        Contender(
            "s5cmd cp, plain download",
            lambda place: [*inside, *s5cmd, "cp", f"s3://{BUCKET}/{key}", f"{place}/"],
            environment,
        ),
    ]


@contextmanager
def s3_server(folder: Path, port: int, inside: Sequence[str] = ()) -> Iterator[tuple[str, dict[str, str]]]:
    """Serve ``folder``, whose folders are buckets, as S3 on loopback; yield its address and a client's environment.

    :param inside: what stands before a command that is to run where the server does.
    """
    endpoint = f"http://127.0.0.1:{port}"
    keys = {"AWS_ACCESS_KEY_ID": "bench", "AWS_SECRET_ACCESS_KEY": "bench-secret", "AWS_REGION": REGION}
    environment = {**os.environ, **keys, "AWS_DEFAULT_REGION": REGION, "AWS_ENDPOINT_URL": endpoint}
    command = [
        *inside,
        f"{BIN}/rclone",
        "serve",
        "s3",
        "--addr",
        f"127.0.0.1:{port}",
        "--auth-key",
        "bench,bench-secret",
        folder,
    ]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        ready = f"""
import time, urllib.request, urllib.error
for _ in range(200):
    try:
        urllib.request.urlopen("{endpoint}")
    except urllib.error.HTTPError:
        break
    except OSError:
        time.sleep(0.1)
"""
        subprocess.run([*inside, sys.executable, "-c", ready], check=True)
        yield endpoint, environment
    finally:
        server.terminate()
        server.wait(timeout=30)


def shell(place: Path, script: str) -> list[str]:
    """Return the command that runs a short script in ``place``."""
    return ["sh", "-ec", f"cd {place}\n{script}"]
