"""What people use now, each as the command that they would type; in an environment of its own, pinned by hash."""

import functools
import itertools
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from benchmarks.checks import check_bucket, check_copy
from benchmarks.measure import Contender
from benchmarks.works import RID

ROOT = Path(__file__).parents[1]
BIN = ROOT / ".venv-peers" / "bin"
BUCKET = "bench"
REGION = "us-east-1"
S3_KEYS = ("bench", "bench-secret")

MakeBucket = Callable[[Path], str]


_BDRC_BAG = [f"{BIN}/bdrc-bag", "-d", "-p"]


def own_copy(bag: Path, place: Path) -> Path:
    """Return another copy of the bag: this program deletes the zip that it is given, although told not to."""
    copy = place / "source" / bag.name
    copy.parent.mkdir()
    if bag.stat().st_dev == place.stat().st_dev:
        os.link(bag, copy)
    else:
        shutil.copyfile(bag, copy)
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


def copiers(work: Path, *, again: bool) -> list[Contender]:
    """Return the other ways to copy a work; each as it is, and followed by what has the disk write its copy.

    :param again: the copy is there and current, so that there is nothing to write.
    """
    ways = {
        "rsync -a": f"rsync -a {work} .",
        "rclone copy": f"{BIN}/rclone copy {work} {RID}",
        **({"cp -au": f"cp -au {work} ."} if again else {"cp -a": f"cp -a {work} ."}),
    }
    if not shutil.which("rsync"):
        del ways["rsync -a"]
    return _in_shell(ways if again else _flushed_or_not(ways), work)


def linkers(work: Path) -> list[Contender]:
    """Return the other way to give the files of a work second names."""
    return _in_shell(_flushed_or_not({"cp -al": f"cp -al {work} ."}), work)


def _flushed_or_not(ways: Mapping[str, str]) -> dict[str, str]:
    flushed = "; sync -f"
    both = ([(name, script), (name + flushed, f"{script}{flushed} .")] for name, script in ways.items())
    return dict(itertools.chain.from_iterable(both))


def _in_shell(ways: Mapping[str, str], work: Path) -> list[Contender]:
    check = functools.partial(check_copy, work)
    return [Contender(name, functools.partial(shell, script=script), check=check) for name, script in ways.items()]


def senders(
    images: Path,
    prefix: str,
    *,
    served: Path,
    endpoint: str,
    environment: Mapping[str, str],
    make_bucket: MakeBucket,
) -> list[Contender]:
    """Return the other ways to send a folder of images into a bucket below ``prefix``.

    :param served: where the server keeps its buckets.
    :param make_bucket: returns the name of a bucket for a folder, made if it was not there.
    """

    def by_boto3(way: str) -> Callable[[Path], list[str]]:
        script = [f"{BIN}/python", str(ROOT / "benchmarks" / "by_boto3.py"), way, str(images)]
        return lambda place: [*script, make_bucket(place), prefix]

    def by_s5cmd(*command: str) -> Callable[[Path], list[str]]:
        s5cmd = [f"{BIN}/s5cmd", "--endpoint-url", endpoint, *command, f"{images}/"]
        return lambda place: [*s5cmd, f"s3://{make_bucket(place)}/{prefix}"]

    def by_rclone(place: Path) -> list[str]:
        remote = f':s3,provider=Rclone,env_auth,endpoint="{endpoint}":{make_bucket(place)}/{prefix}'
        return [f"{BIN}/rclone", "copy", str(images), remote]

    ways: dict[str, Callable[[Path], list[str]]] = {
        "boto3 put_object, 16": by_boto3("put_object"),
        "boto3 upload_file": by_boto3("upload_file"),
        "s5cmd cp": by_s5cmd("cp"),
        "s5cmd sync": by_s5cmd("sync"),
        "rclone copy": by_rclone,
    }

    def check(place: Path) -> None:
        check_bucket(images, served / make_bucket(place))

    return [Contender(name, way, environment, check) for name, way in ways.items()]


@contextmanager
def s3_server(folder: Path, port: int, inside: Sequence[str] = ()) -> Iterator[tuple[str, dict[str, str]]]:
    """Serve ``folder``, whose folders are buckets, as S3 on loopback; yield its address and a client's environment.

    :param inside: what stands before a command that is to run where the server does.
    """
    endpoint = f"http://127.0.0.1:{port}"
    key_id, secret = S3_KEYS
    keys = {"AWS_ACCESS_KEY_ID": key_id, "AWS_SECRET_ACCESS_KEY": secret, "AWS_REGION": REGION}
    environment = {**os.environ, **keys, "AWS_DEFAULT_REGION": REGION, "AWS_ENDPOINT_URL": endpoint}
    command = [
        *inside,
        f"{BIN}/rclone",
        "serve",
        "s3",
        "--addr",
        f"127.0.0.1:{port}",
        "--auth-key",
        ",".join(S3_KEYS),
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
