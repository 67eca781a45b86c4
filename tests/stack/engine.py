"""A Docker engine of the tests' own: real, private, and gone without a trace when it is closed.

It listens on a socket of its own and keeps its images in a cache folder outside the checkout, so that the next run is
quick. What it changes on the machine (firewall chains, the bridge ``docker0``, forwarding) is put back when it ends.

``python tests/stack/engine.py`` starts one and keeps it until its input is closed or Ctrl-C, for work by hand.
"""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

CACHE = Path(os.environ.get("STACK_CACHE") or Path.home() / ".cache" / "ao-workflows-stack")
"""Where packages, base images and the engine's layers stay from run to run."""

PACKAGES = ("docker.io", "docker-cli", "docker-buildx", "docker-compose", "containerd", "tini")
"""Debian packages of the engine. Debian 12 itself has no Compose v2; those of Debian 13 run on it, unpacked beside."""

NEEDED = {"iptables": "iptables", "runc": "runc", "mmdebstrap": "mmdebstrap", "ip": "iproute2"}
"""Programs that the machine itself must have, with the packages that bring them."""

START_SECONDS = 60
KEPT_OF_BUILDS = "8GB"
"""How much of earlier builds stays for the next run."""

FORWARDING = Path("/proc/sys/net/ipv4/ip_forward")


@dataclass(frozen=True, slots=True)
class Engine:
    """A running engine.

    :param socket: the address for ``DOCKER_HOST``. :param programs: the folder of ``docker`` and its plugins.
    """

    socket: str
    programs: Path

    @property
    def environment(self) -> dict[str, str]:
        """The whole environment of a program that shall use this engine and no other."""
        own = {name: value for name, value in os.environ.items() if not name.startswith(("DOCKER_", "COMPOSE_"))}
        return {
            **own,
            "DOCKER_HOST": self.socket,
            "DOCKER_CONFIG": str(self.programs.parent / "client"),
            "PATH": f"{self.programs}{os.pathsep}{own.get('PATH', os.defpath)}",
        }

    def docker(self, *words: str, check: bool = True) -> str:
        """Run ``docker`` with ``words`` and return what it prints; empty if it fails and that is no surprise."""
        done = subprocess.run(
            ["docker", *words], env=self.environment, check=False, text=True, errors="replace", capture_output=True
        )
        if done.returncode and check:
            raise RuntimeError(f"docker {' '.join(words)} ended with {done.returncode}: {done.stderr[-3000:]}")
        return "" if done.returncode else done.stdout


@contextmanager
def running_engine() -> Iterator[Engine]:
    """Install and start an engine; end it and put back what it changed.

    An engine that ``STACK_DOCKER_HOST`` names, kept running by hand, is used as it is.
    """
    programs = install()
    kept = os.environ.get("STACK_DOCKER_HOST")
    if kept:
        yield Engine(kept, programs)
        return
    with tempfile.TemporaryDirectory(prefix="ao-engine-") as folder, network_put_back():
        process = start(Path(folder), programs)
        try:
            engine = Engine(f"unix://{folder}/docker.sock", programs)
            wait_until_ready(engine, process, Path(folder))
            empty(engine)
            yield engine
            empty(engine)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=60)


def install() -> Path:
    """Bring the programs of the engine into the cache; return their folder."""
    programs = CACHE / "engine" / "bin"
    missing = [package for program, package in NEEDED.items() if shutil.which(program) is None]
    if subprocess.run(["/usr/bin/python3", "-c", "import ensurepip"], check=False, capture_output=True).returncode:
        missing.append("python3-venv")
    if missing:
        quietly("apt-get", "update", "-qq")
        quietly("apt-get", "install", "-y", "-qq", "--no-install-recommends", *missing)
    if not (programs / "dockerd").exists():
        unpacked = CACHE / "engine.partial"
        shutil.rmtree(unpacked, ignore_errors=True)
        for package in download(unpacked / "packages"):
            quietly("dpkg-deb", "-x", str(package), str(unpacked / "root"))
        gather(unpacked / "root", unpacked / "bin", unpacked / "client")
        relink(unpacked)
        shutil.rmtree(CACHE / "engine", ignore_errors=True)
        unpacked.rename(CACHE / "engine")
    return programs


def download(folder: Path) -> list[Path]:
    """Fetch the engine's packages from Debian 13 without making it a source of this machine's packages."""
    folder.mkdir(parents=True)
    for name in ("state/lists/partial", "cache/archives/partial"):
        (folder / name).mkdir(parents=True)
    sources = folder / "trixie.sources"
    sources.write_text(trixie_sources())
    apt = [
        *("-o", f"Dir::Etc::SourceList={os.devnull}", "-o", f"Dir::Etc::SourceParts={folder}/parts"),
        *("-o", f"Dir::State={folder}/state", "-o", f"Dir::Cache={folder}/cache", "-o", "Dir::State::Status=/dev/null"),
        *("-o", "APT::Sandbox::User=root"),
    ]
    (folder / "parts").mkdir()
    sources.rename(folder / "parts" / sources.name)
    quietly("apt-get", *apt, "update", "-qq")
    quietly("apt-get", *apt, "download", *PACKAGES, folder=folder)
    return sorted(folder.glob("*.deb"))


def trixie_sources() -> str:
    """Return this machine's Debian sources, of the next release."""
    texts = [path.read_text() for path in Path("/etc/apt/sources.list.d").glob("debian*.sources")]
    return "\n".join(text.replace("bookworm", "trixie") for text in texts)


def gather(root: Path, programs: Path, client: Path) -> None:
    """Lay the programs into one folder, and the client's plug-ins where it looks for them."""
    programs.mkdir()
    for place in ("usr/bin", "usr/sbin"):
        for program in (root / place).iterdir() if (root / place).is_dir() else ():
            shutil.copy2(program, programs / program.name)
    (client / "cli-plugins").mkdir(parents=True)
    for plugin in root.rglob("cli-plugins/docker-*"):
        shutil.copy2(plugin, client / "cli-plugins" / plugin.name)


def relink(engine: Path) -> None:
    """Let the daemon find its init and its runtime under the names that it asks for."""
    for name, program in (("docker-init", "tini-static"), ("runc", shutil.which("runc") or "/usr/sbin/runc")):
        (engine / "bin" / name).unlink(missing_ok=True)
        (engine / "bin" / name).symlink_to(program)


def start(folder: Path, programs: Path) -> "subprocess.Popen[bytes]":
    """Start the daemon; it ends with this process, whatever happens to that."""
    own = {name: value for name, value in os.environ.items() if not name.startswith(("DOCKER_", "COMPOSE_"))}
    with (folder / "dockerd.log").open("wb") as log:
        return subprocess.Popen(
            [
                programs / "dockerd",
                *("--host", f"unix://{folder}/docker.sock", "--data-root", str(CACHE / "data")),
                *("--exec-root", f"{folder}/exec", "--pidfile", f"{folder}/dockerd.pid"),
                *("--mtu", str(mtu())),
            ],
            env={**own, "PATH": f"{programs}{os.pathsep}{own.get('PATH', os.defpath)}"},
            stdout=log,
            stderr=subprocess.STDOUT,
            process_group=0,
        )


def mtu() -> int:
    """Return the largest packet that the way out of this machine takes: containers must not send larger ones."""
    route = json.loads(quietly("ip", "-json", "route", "show", "default") or "[]")
    device = route[0]["dev"] if route else "lo"
    return int(Path(f"/sys/class/net/{device}/mtu").read_text())


def wait_until_ready(engine: Engine, process: "subprocess.Popen[bytes]", folder: Path) -> None:
    """Wait until the engine answers. :raises RuntimeError: with the end of its log, if it does not."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        if engine.docker("version", check=False):
            return
        time.sleep(0.2)
    process.kill()
    raise RuntimeError(f"no Docker engine: {(folder / 'dockerd.log').read_text()[-3000:]}")


def empty(engine: Engine) -> None:
    """Remove all but images and the cache of builds: also what a run that was killed has left."""
    containers = engine.docker("ps", "--all", "--quiet").split()
    if containers:
        engine.docker("rm", "--force", "--volumes", *containers)
    for what in (("volume", "prune", "--all"), ("network", "prune"), ("image", "prune")):
        engine.docker(*what, "--force")
    engine.docker("builder", "prune", "--force", "--keep-storage", KEPT_OF_BUILDS)


@contextmanager
def network_put_back() -> Iterator[None]:
    """Let the firewall, forwarding and bridges be afterwards what they were before."""
    forwarding = FORWARDING.read_text()
    bridges = links()
    rules = {tool: quietly(f"{tool}-save") for tool in ("iptables", "ip6tables") if shutil.which(f"{tool}-save")}
    try:
        yield
    finally:
        for tool, saved in rules.items():
            clear(tool)
            subprocess.run([f"{tool}-restore"], input=saved, text=True, check=False)
        for name in links() - bridges:
            subprocess.run(["ip", "link", "delete", name], check=False)
        FORWARDING.write_text(forwarding)


def clear(tool: str) -> None:
    """Remove every rule and chain: a table that was empty before is not mentioned in what was saved."""
    for table in ("filter", "nat", "raw", "mangle"):
        if subprocess.run([tool, "-t", table, "-S"], check=False, capture_output=True).returncode == 0:
            for action in ("-F", "-X"):
                subprocess.run([tool, "-t", table, action], check=False, capture_output=True)
    subprocess.run([tool, "-P", "FORWARD", "ACCEPT"], check=False, capture_output=True)


def links() -> set[str]:
    """Return the bridges there are."""
    return {link["ifname"] for link in json.loads(quietly("ip", "-json", "link", "show", "type", "bridge") or "[]")}


def quietly(*words: str, folder: Path | None = None) -> str:
    """Run a program and return what it prints; show what it said only when it fails."""
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    done = subprocess.run(words, cwd=folder, env=environment, check=False, text=True, capture_output=True)
    if done.returncode:
        raise RuntimeError(f"{' '.join(words)} ended with {done.returncode}: {done.stderr[-3000:]}")
    return done.stdout


def main() -> None:
    """Keep an engine for work by hand."""
    with running_engine() as engine:
        sys.stdout.write(f"export STACK_DOCKER_HOST={engine.socket} PATH={engine.programs}:$PATH\n")
        sys.stdout.write(f"export DOCKER_HOST={engine.socket} DOCKER_CONFIG={engine.environment['DOCKER_CONFIG']}\n")
        sys.stdout.flush()
        with contextlib.suppress(KeyboardInterrupt):
            sys.stdin.read()


if __name__ == "__main__":
    main()
