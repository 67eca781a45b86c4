"""What has to be true before the platform starts; each thing is really looked at, and nothing is changed."""

import os
import re
import shutil
import socket
import stat
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from ao_workflows.checks import Check, Verdict
from ao_workflows.platform import docker
from ao_workflows.platform.compose import Stack
from ao_workflows.platform.deployment import MARKER, Deployment, whole_number
from ao_workflows.platform.docker import DockerFailed
from ao_workflows.platform.secret_files import NAMES, OPEN_BITS
from ao_workflows.units import size_text
from ao_workflows.works import ARCHIVE_ROOTS

ENGINE_SINCE = (25, 0)
COMPOSE_SINCE = (2, 24)
MEMORY_NEEDED, MEMORY_WISHED = 3_500_000_000, 7_500_000_000  # what "4 GB" and "8 GB" machines have left
CORES_WISHED = 2
DISK_NEEDED, DISK_WISHED = 5 * 10**9, 20 * 10**9
CLOCK_TOLERANCE = timedelta(seconds=5)
"""Between this machine and the engine, which may run in a virtual machine that was asleep."""

_TRY_TO_WRITE = """
for folder in /check/*; do
    file=$(mktemp -p "$folder" 2>&1) && rm "$file" || echo "${folder#/check/} $file"
done
"""


def examine_platform(deployment: Deployment, *, image: str | None = None) -> list[Check]:
    """Return the checks of everything that the stack of ``deployment`` needs, in the order in which to mend it.

    :param image: another image than that of ``.env``.
    """
    image = image or deployment.env().get("AO_IMAGE") or "bdrc-airflow:latest"
    return [
        *_engine(deployment),
        *_secrets(deployment),
        *_settings(deployment, image),
        *_folders(deployment, image),
    ]


def _engine(deployment: Deployment) -> Iterator[Check]:
    try:
        info: dict[str, Any] = docker.ask_json(["info", "--format", "{{json .}}"])
        compose = docker.ask(["compose", "version", "--short"]).strip()
    except DockerFailed as error:
        yield Check("docker", Verdict.BAD, error.message, error.action)
        return
    yield _version("docker", str(info.get("ServerVersion", "")), ENGINE_SINCE)
    yield _version("docker compose", compose, COMPOSE_SINCE)
    memory, cores = int(info.get("MemTotal", 0)), int(info.get("NCPU", 0))
    action = "Give the machine (or Docker's virtual machine) more memory: Airflow alone takes some 2 GB."
    yield _enough("memory", memory, MEMORY_NEEDED, MEMORY_WISHED, action)
    verdict = Verdict.GOOD if cores >= CORES_WISHED else Verdict.WARNING
    yield Check(
        "cores", verdict, str(cores), "" if cores >= CORES_WISHED else "With one core, everything takes its turn."
    )
    for name, folder in (("Docker's disk", Path(str(info.get("DockerRootDir", "/")))), ("this disk", deployment.root)):
        if folder.exists():
            free = shutil.disk_usage(folder).free
            yield _enough(name, free, DISK_NEEDED, DISK_WISHED, f"Free some space on the disk of {folder}.")
    yield from _clock(str(info.get("SystemTime", "")))


def _version(name: str, found: str, since: tuple[int, int]) -> Check:
    numbers = re.match(r"v?(\d+)\.(\d+)", found)
    needed = ".".join(map(str, since))
    if numbers and (int(numbers[1]), int(numbers[2])) >= since:
        return Check(name, Verdict.GOOD, f"version {found.lstrip('v')}")
    return Check(name, Verdict.BAD, f"version {found or 'unknown'}", f"Install version {needed} or newer.")


def _enough(name: str, found: int, needed: int, wished: int, action: str) -> Check:
    if found >= wished:
        return Check(name, Verdict.GOOD, size_text(found))
    verdict = Verdict.WARNING if found >= needed else Verdict.BAD
    return Check(name, verdict, f"{size_text(found)}; {size_text(wished)} or more are advised", action)


def _clock(engine_time: str) -> Iterator[Check]:
    match = re.match(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.\d+)?(Z|[+-]\d\d:\d\d)?", engine_time)
    if match:
        engine = datetime.fromisoformat(f"{match[1]}{(match[2] or 'Z').replace('Z', '+00:00')}")
        offset = abs(engine - datetime.now(UTC))
        if offset > CLOCK_TOLERANCE:
            action = "Restart Docker's virtual machine, or set the clock; AWS refuses requests that are off by minutes."
            yield Check("clock of Docker", Verdict.BAD, f"{offset.total_seconds():.0f} s off this machine's", action)
    if shutil.which("timedatectl"):
        done = subprocess.run(
            ["timedatectl", "show", "--property", "NTPSynchronized", "--value"],  # the system's own
            check=False,
            text=True,
            capture_output=True,
        )
        if done.stdout.strip() == "no":
            yield Check("clock", Verdict.WARNING, "not synchronized", "Run a time service: timedatectl set-ntp true.")
            return
    yield Check("clock", Verdict.GOOD, datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S UTC"))


def _secrets(deployment: Deployment) -> Iterator[Check]:
    uid = deployment.uid
    again = "Run `ao platform deploy` again, as root if need be: it gives them to that user and makes what is missing."
    if os.geteuid() not in {0, uid}:
        yield Check("secrets", Verdict.WARNING, f"only uid {uid} and root can look at them", "Look as one of these.")
    elif wrong := [problem for name in NAMES if (problem := _secret_problem(deployment.secrets / name, uid))]:
        yield Check("secrets", Verdict.BAD, "; ".join(wrong), again)
    else:
        yield Check("secrets", Verdict.GOOD, f"{len(NAMES)} files, for uid {uid} only")


def _secret_problem(path: Path, uid: int) -> str:
    try:
        status = path.stat()
    except OSError as error:
        return f"{path.name}: {error.strerror}"
    if status.st_uid != uid:
        return f"{path.name} belongs to uid {status.st_uid}, and the services run as {uid}"
    if stat.S_IMODE(status.st_mode) & OPEN_BITS:
        return f"{path.name} can be read by others"
    return "" if status.st_size else f"{path.name} is empty"


def _folders(deployment: Deployment, image: str) -> Iterator[Check]:
    """Check the folders that are mounted into containers, by really writing to them from one."""
    actions = {
        "logs": "Create it, or give it to the services' user.",
        "drop folder": "Create it, or give it to the services' user.",
        **{name: f"Mount {name} there, and let the services' user write it." for name in ARCHIVE_ROOTS},
    }
    places = {
        "logs": deployment.folder("LOG_FOLDER", "logs"),
        "drop folder": deployment.folder("DROP_FOLDER", "drop"),
        **{name: deployment.archive_root / name for name in ARCHIVE_ROOTS},
    }
    there = {}
    for name, folder in places.items():
        if not folder.is_dir():
            yield Check(name, Verdict.BAD, f"{folder} is not there", actions[name])
        elif name in ARCHIVE_ROOTS and not os.path.lexists(folder / MARKER) and os.access(folder, os.X_OK):
            # The empty folder below a mount that failed must not be taken for the archive.
            found = f"{folder} has no file {MARKER}: what should be mounted there is not"
            action = "Mount it. If it is a new archive, and right as it is: `ao platform deploy --accept-archive`."
            yield Check(name, Verdict.BAD, found, action)
        else:
            there[name] = folder
    uid = deployment.uid
    if not there or not _has_image(image):
        return  # told elsewhere
    try:
        refused = _refused(list(there.values()), image, uid)
    except DockerFailed as error:
        yield Check("folders", Verdict.BAD, error.message, error.action)
        return
    for number, (name, folder) in enumerate(there.items()):
        if reason := refused.get(number):
            yield Check(name, Verdict.BAD, f"{folder}: {reason} (as uid {uid})", actions[name])
        else:
            yield Check(name, Verdict.GOOD, f"{folder} can be written by uid {uid}")


def _refused(folders: Sequence[Path], image: str, uid: int) -> dict[int, str]:
    """Return why each folder cannot be written, by its place in ``folders``, as a service would find it.

    Permission bits, and what this process may do, say little about network mounts and other users.
    """
    words = ["run", "--rm", "--network", "none", "--cap-drop", "ALL", "--user", f"{uid}:0", "--entrypoint", "sh"]
    for number, folder in enumerate(folders):
        words += ["--mount", f'type=bind,"source={folder}",target=/check/{number}']
    said = docker.ask([*words, image, "-c", _TRY_TO_WRITE])
    lines = (line.partition(" ") for line in said.splitlines())
    return {int(number): reason.rpartition(": ")[2] for number, _, reason in lines}


def _settings(deployment: Deployment, image: str) -> Iterator[Check]:
    env = deployment.env()
    if _has_image(image):
        yield Check("image", Verdict.GOOD, image)
    else:
        yield Check("image", Verdict.BAD, f"{image} is not there", "Build it: airflow-docker/build-bdrc-airflow.sh.")
    celery = env.get("AIRFLOW_EXECUTOR") == "CeleryExecutor"
    profiles = env.get("COMPOSE_PROFILES", "").split(",")
    if celery != ("celery" in profiles):
        found = f"AIRFLOW_EXECUTOR={env.get('AIRFLOW_EXECUTOR')}, COMPOSE_PROFILES={env.get('COMPOSE_PROFILES')}"
        action = (
            "Let .env name the CeleryExecutor and the profile celery, or neither: `ao platform deploy --executor …`."
        )
        yield Check("executor", Verdict.BAD, found, action)
    stack = Stack(deployment)
    try:
        foreign = stack.foreign_folder()
        is_ours = any(service.name == "api-server" and service.state == "running" for service in stack.services())
    except DockerFailed:
        return  # told above
    if foreign:
        action = "Set COMPOSE_PROJECT_NAME in .env to a name of its own."
        yield Check("project name", Verdict.BAD, f"the stack in {foreign} has the same", action)
    elif not is_ours:
        port = whole_number({"AIRFLOW_PORT": "8080", **env}, "AIRFLOW_PORT", 1, 65535)
        yield from _port(env.get("AIRFLOW_BIND") or "127.0.0.1", port)


def _port(host: str, port: int) -> Iterator[Check]:
    try:
        family, kind, _, _, address = socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM)[0]
    except OSError as error:
        yield Check("port", Verdict.BAD, f"AIRFLOW_BIND={host}: {error.strerror}", "Name an address of this machine.")
        return
    with closing(socket.socket(family, kind)) as candidate:
        candidate.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            candidate.bind(address)
            yield Check("port", Verdict.GOOD, f"{host}:{port} is free")
        except PermissionError:
            return  # a port that only root may take, which Docker is
        except OSError as error:
            yield Check("port", Verdict.BAD, f"{host}:{port}: {error.strerror}", "Set AIRFLOW_PORT in .env to another.")


def _has_image(image: str) -> bool:
    try:
        docker.ask(["image", "inspect", "--format", "{{.Id}}", image])
    except DockerFailed:
        return False
    return True
