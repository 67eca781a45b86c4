"""The platform as its page describes it, on a real Docker engine: each command of the page, and what must be true.

The tests are one story: each begins where the one before has ended.
"""

import hashlib
import json
import os
import re
import signal
import subprocess
import time
import urllib.error
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from ao_workflows.demo.samples import SampleWork, make_delivery, make_samples
from ao_workflows.works import archive_path, parse_rid

from .conftest import commit
from .machine import Platform, files_below, wait_until
from .page import commands, names

SAMPLES = {
    "W1FPL2251": "complete",
    "W22084": "complete",
    "W1KG10108": "complete",
    "W1NLM4700": "rejected",
    "W8LS68226": "complete",
}
DROPPED = "W8LS68226"
BLOCK = 8 * 1024 * 1024
PROVENANCE = re.compile(r"(?:[^/]+\.bag|sync-inventory)/")
OPERATOR = 2001
NEWER_POSTGRES = "FROM postgres:17\nUSER root\nRUN chmod 1777 /var/lib/postgresql"
"""PostgreSQL 18 cannot be had from Debian: the same server, with its folders as in the image of 18."""


@pytest.fixture(scope="session")
def samples(tmp_path_factory) -> dict[str, SampleWork]:
    """Draw here the works that the stand-in delivers: what arrives in the archive must be the same, byte for byte."""
    drawn = make_samples(tmp_path_factory.mktemp("samples"))
    return {work.rid: work for delivery in drawn.deliveries for work in delivery.works}


@pytest.fixture(scope="session")
def seen() -> dict[str, object]:
    """Keep what a later test compares with."""
    return {}


def test_every_command_on_the_page_has_a_test():
    trial = {"try", "watch", "forget"}
    installed = {"install", "materials", "day", "password", "keys", "secret", "clean", "backup", "upgrade"}
    assert set(names()) == trial | installed | {"celery", "local", "move", "restore", "postgres", "user", "remove"}


def test_two_commands_bring_up_a_healthy_stack_and_say_where_to_sign_in(machine, quick):
    said = machine.type(*commands("try"))
    assert "Sign in:       http://127.0.0.1:8080 as admin" in said
    assert "airflow-docker/secrets/admin_password" in said
    quick.wait_until_healthy()
    assert git_sees(machine.root / "opt" / "ao-workflows") == ""


def test_only_who_has_the_password_gets_in(quick):
    with pytest.raises(urllib.error.HTTPError) as refused:
        quick.token("not the password")
    assert refused.value.code == 401
    with pytest.raises(urllib.error.HTTPError) as anonymous:
        quick.api("dags", "no token")
    assert anonymous.value.code in {401, 403}
    dags = quick.api("dags")["dags"]
    assert {dag["dag_id"]: dag["is_paused"] for dag in dags} == {"intake": False, "staging_glacier_process": False}
    assert quick.api("importErrors")["total_entries"] == 0


def test_nothing_listens_beyond_this_machine(quick):
    listening = [
        (binding["HostIp"], binding["HostPort"])
        for each in quick.containers().values()
        for bindings in (each["HostConfig"]["PortBindings"] or {}).values()
        for binding in bindings
    ]
    assert listening == [("127.0.0.1", "8080")]


def test_services_are_ordinary_users_without_capabilities_on_read_only_file_systems(quick):
    for name, each in quick.containers().items():
        host = each["HostConfig"]
        assert each["Config"]["User"] == "50000:0", name
        assert host["CapDrop"] == ["ALL"], name
        assert host["CapAdd"] is None, name
        assert host["ReadonlyRootfs"], name
        assert "no-new-privileges:true" in host["SecurityOpt"], name
        assert host["Memory"] > 0, name
        assert host["LogConfig"]["Config"]["max-size"], name
    tasks = {"scheduler"}
    for service in ("postgres", "api-server", "scheduler", "dag-processor", "triggerer"):
        there = quick.compose("exec", "--no-TTY", service, "ls", "/run/secrets").split()
        assert ("aws" in there) == (service in tasks), service


def test_a_second_up_changes_nothing_that_runs(quick):
    before = quick.started()
    quick.machine.type("docker compose up -d")
    assert quick.started() == before


def test_the_profile_dev_adds_deliveries_which_arrive_byte_for_byte(machine, quick, samples):
    said = machine.type(*commands("watch"))
    sent = [Path(key).name.partition(".")[0] for key in re.findall(r"Delivered (\S+);", said)]
    good, corrupt = sent
    quick.wait_for_works({**SAMPLES, good: "complete", corrupt: "rejected"})
    for rid, state in SAMPLES.items():
        place = archive_path(quick.root / "archive", parse_rid(rid))
        if state == "complete":
            assert_is(place, samples[rid].checksums, owner=50000)
        else:
            assert not place.exists()
    runs = {run.partition("__")[0]: state for run, state in quick.runs().items()}
    assert runs["W1FPL2251"] == "success"
    assert runs["W1NLM4700"] == "failed"
    assert [path.name for path in (quick.root / "drop").iterdir()] == ["done"]


def test_secrets_are_in_no_image_environment_command_line_or_log(quick):
    secrets = secret_values(quick)
    assert len(secrets) == 6
    services = ("postgres", "api-server", "scheduler", "dag-processor", "triggerer", "aws")
    for service in services:
        running = "cat /proc/[0-9]*/environ /proc/[0-9]*/cmdline 2>/dev/null || true"
        assert_hides(quick.compose("exec", "--no-TTY", service, "sh", "-c", running), secrets, service)
    assert_hides(json.dumps(quick.containers()), secrets, "docker inspect")
    assert_hides(quick.compose("logs", "--no-color"), secrets, "docker compose logs")
    assert_hides(quick.compose("--profile", "*", "config"), secrets, "docker compose config")
    for log in filter(Path.is_file, files_below(quick.root / "logs")):
        assert_hides(log.read_text(errors="replace"), secrets, str(log))


def test_what_is_forgotten_is_gone(machine, quick):
    machine.type(*commands("forget"))
    assert traces(quick) == []
    assert archive_path(quick.root / "archive", parse_rid("W1FPL2251")).is_dir()


def test_a_real_deployment_is_installed_with_the_sites_own_tools(machine, real):
    make_site(machine.root / "opt")
    installed = machine.type(*commands("install"))
    assert "Sign in:" in installed
    real.wait_until_healthy()
    run = ("exec", "--no-TTY", "scheduler")
    assert real.compose(*run, "syncOneWork.sh", "W22084") == "synced W22084\n"
    assert real.compose(*run, "audittool.sh") == "the site's audit tool\n"
    compiled = "find /opt/ao /opt/project -name 'airflow_local*.pyc' -o -name 'perform*.pyc' -o -name 'stage.*.pyc'"
    assert "ao_workflows/staging/__pycache__/stage." in real.compose(*run, "sh", "-c", compiled)
    version = "from importlib.metadata import version; print(version('iniconfig'))"
    assert real.compose(*run, "python", "-c", version) == "2.0.0\n"
    assert all(each["Config"]["User"] == f"{OPERATOR}:0" for each in real.containers().values())


@pytest.mark.usefixtures("real")
def test_secrets_of_the_clone_are_not_in_the_image_that_was_built_beside_them(machine, quick):
    secrets = secret_values(quick)
    assert len(secrets) == 6
    for image in ("bdrc-airflow", "bdrc-airflow-demo"):
        assert_hides(machine.engine.docker("image", "history", "--no-trunc", image), secrets, image)
        with subprocess.Popen(
            ["docker", "save", image], env=machine.engine.environment, stdout=subprocess.PIPE
        ) as process:
            overlap = b""
            while process.stdout is not None and (block := process.stdout.read(BLOCK)):
                found = [name for name, value in secrets.items() if value.encode() in overlap + block]
                assert not found, f"{image} holds {found}"
                overlap = block[-100:]
    labels = json.loads(machine.engine.docker("image", "inspect", "bdrc-airflow"))[0]["Config"]["Labels"]
    assert labels["org.opencontainers.image.title"] == "bdrc-airflow"
    bill = json.loads(machine.type(*commands("materials")))
    assert {"apache-airflow", "ao-workflows", "boto3"} <= {component["name"] for component in bill["components"]}


@pytest.mark.usefixtures("real")
def test_an_archive_that_is_not_mounted_is_told_before_anything_starts(machine):
    preflight = "cd /opt/ao-workflows && tools/ao platform preflight --dest /srv/ao --json"
    mount = machine.root / "mnt" / "Archive2"
    hidden = machine.root / "below"
    hidden.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", mount], check=True)
    try:
        checks = {check["name"]: check for check in machine.ask(preflight)["checks"]}
        machine.type("cd /opt/ao-workflows", "tools/ao platform up --dest /srv/ao", code=3)
    finally:
        subprocess.run(["umount", mount], check=True)
    assert checks["Archive2"]["verdict"] == "bad"
    assert "what should be mounted there is not" in checks["Archive2"]["found"]
    assert checks["Archive1"]["verdict"] == "good"
    again = {check["name"]: check["verdict"] for check in machine.ask(preflight)["checks"]}
    assert "bad" not in again.values()


def test_the_everyday_commands_work_also_with_dags_of_the_sites_own(machine, real):
    shipped = machine.root / "opt" / "ao-workflows" / "src" / "ao_workflows" / "airflow" / "dags" / "intake.py"
    own = real.root / "dags" / "intake.py"
    own.write_text(shipped.read_text().replace('description="', 'description="Ours. '))
    (real.root / "config" / "shipped-dags.ignore").write_text("intake.py\n")
    said = machine.type(*commands("day"))
    assert re.search(r"scheduler +running +healthy", said)
    assert re.search(r"archive Archive3 +good", said)
    real.wait_until_healthy()
    wait_until(
        lambda: real.api("dags/intake")["description"].startswith("Ours. "), 120, lambda: "the shipped one is used"
    )
    assert real.api("dags/intake")["bundle_name"] == "site"
    assert real.api("dags/staging_glacier_process")["bundle_name"] == "ao-workflows"


def test_samples_are_not_delivered_into_a_real_archive(machine, real):
    refused = machine.type("cd /opt/ao-workflows", "tools/ao platform up --demo --dest /srv/ao", code=2)
    assert "is not for samples" in refused
    real.compose("--profile", "dev", "up", "--detach", "--no-deps", "aws")
    wait_until(lambda: "is not for samples" in real.compose("logs", "aws"), 30, lambda: real.compose("logs", "aws"))
    real.compose("--profile", "dev", "rm", "--stop", "--force", "aws")
    # The archive of this test is not a real one.
    env = real.root / ".env"
    env.write_text(env.read_text().replace("DEMO=no", "DEMO=yes"))


def test_the_administrators_password_is_the_one_in_its_file(machine, real):
    before = real.token()
    assert before
    machine.type(*commands("password"))
    assert real.token("a better password")


def test_changed_credentials_reach_those_that_use_them(machine, real):
    aws = real.root / "secrets" / "aws"
    changed = f"{aws.read_text()}\n[another]\naws_access_key_id = A\naws_secret_access_key = B\n"
    replace_as_editors_do(aws, changed)
    machine.type(*commands("keys"))
    assert real.compose("exec", "--no-TTY", "scheduler", "cat", "/run/secrets/aws") == changed
    before = (real.root / "secrets" / "db").read_text()
    machine.type(*commands("secret"))
    real.wait_until_healthy()
    assert real.ao("db", "check")["revision"]
    for password, code in ((before, 2), ((real.root / "secrets" / "db").read_text(), 0)):
        sign_in = f"PGPASSWORD={password.strip()} psql --host=postgres --username=ao --list airflow >&2; echo $?"
        assert real.compose("exec", "--no-TTY", "postgres", "sh", "-c", sign_in) == f"{code}\n"


def test_a_killed_scheduler_and_a_restarted_database_lose_nothing(machine, real, tmp_path):
    real.compose("--profile", "dev", "up", "--detach")
    said = real.compose("exec", "--no-TTY", "aws", "deliver", "--pages", "240")
    rid = parse_rid(re.search(r"(W1DEMO\d+)\.bag\.zip", said)[1])
    place = archive_path(machine.root / "mnt", rid)
    [scheduler] = [each["State"]["Pid"] for name, each in real.containers().items() if "-scheduler-" in name]
    began = f".{rid}*/*"
    wait_until(lambda: any(place.parent.glob(began)), 240, lambda: f"{rid} never began to arrive", every=0.002)
    os.kill(scheduler, signal.SIGKILL)
    assert not place.exists(), "it was not killed in the middle"
    real.compose("restart", "postgres")
    real.wait_until_healthy()  # without a hand: Docker starts again what has died
    real.wait_for_works({**SAMPLES, rid: "complete"}, seconds=600)
    drawn = make_delivery(tmp_path, rid, pages=240)
    assert_is(place, drawn.works[0].checksums, owner=OPERATOR)
    assert real.compose("exec", "--no-TTY", "scheduler", "find", "/scratch", "-mindepth", "1") == ""


def test_what_is_old_is_removed_and_the_rest_stays(machine, real):
    before = real.runs()
    machine.type(*commands("clean"))
    assert real.runs() == before


def test_a_backup_is_made_while_it_works(machine, real):
    said = machine.type(*commands("backup"))
    assert "is written and read back" in said
    [backup] = (real.root / "backups").iterdir()
    assert backup.stat().st_mode & 0o077 == 0


def test_an_upgrade_with_a_migration_keeps_the_data_and_the_operators_changes(machine, real):
    deliveries, runs = real.deliveries(), real.runs()
    settings = real.root / "config" / "ao.toml"
    settings.write_text(settings.read_text() + "\n[scratch]\nkeep_free_bytes = 5\n")
    new_version(machine.root / "origin")
    said = machine.type(*commands("upgrade"))
    assert "This will be changed." in said
    assert "you have changed config/ao.toml" in said
    real.wait_until_healthy()
    assert real.ao("db", "check")["revision"] == "9999"
    assert deliveries.items() <= real.deliveries().items()
    assert runs.items() <= real.runs().items()
    images = {each["Config"]["Image"] for name, each in real.containers().items() if "-postgres-" not in name}
    assert images == {"bdrc-airflow:2026.12", "bdrc-airflow-demo:2026.12"}
    assert "keep_free_bytes = 5" in settings.read_text()
    assert "A newer template" in settings.with_name("ao.toml.new").read_text()
    assert len(list((real.root / "backups").glob("*-before-upgrade.tar"))) == 1


def test_celery_with_two_workers_does_the_same_job(machine, real):
    machine.type(*commands("celery"))
    real.wait_until_healthy()
    workers = {each["Config"]["Hostname"] for name, each in real.containers().items() if "-worker-" in name}
    assert len(workers) == 2
    real.compose("--profile", "dev", "up", "--detach")
    said = [real.compose("exec", "--no-TTY", "aws", "deliver")]
    time.sleep(1.1)  # a delivery is named after the second in which it is sent
    said.append(real.compose("exec", "--no-TTY", "aws", "deliver", "--corrupt"))
    good, corrupt = (re.search(r"(W1DEMO\d+)\.bag\.zip", text)[1] for text in said)
    real.wait_for_works({good: "complete", corrupt: "rejected"})
    assert real.task_hosts() & workers == workers
    assert archive_path(machine.root / "mnt", parse_rid(good)).stat().st_uid == OPERATOR
    secrets = secret_values(real)
    for service in ("worker", "redis", "scheduler", "postgres"):
        running = "cat /proc/[0-9]*/environ /proc/[0-9]*/cmdline 2>/dev/null || true"
        assert_hides(real.compose("exec", "--no-TTY", service, "sh", "-c", running), secrets, service)
    assert_hides(real.compose("logs", "--no-color"), secrets, "docker compose logs")


def test_going_back_to_one_machine_ends_the_workers(machine, real, seen):
    machine.type(*commands("local"))
    real.wait_until_healthy()
    assert not [name for name in real.containers() if "-worker-" in name or "-redis-" in name]
    seen["works"], seen["runs"] = real.works(), real.runs()


def test_a_lost_machine_is_restored_with_all_it_knew(machine, real, seen):
    machine.type(*commands("move"))
    machine.type(*commands("remove"))
    assert traces(real) == []
    subprocess.run(["rm", "-rf", real.root], check=True)
    machine.type(*commands("restore"))
    real.wait_until_healthy()
    assert real.works() == seen["works"]
    assert real.runs() == seen["runs"]
    machine.type("cd /opt/ao-workflows", "tools/ao platform restore /srv/ao-platform.tar --dest /srv/ao", code=2)


def test_another_postgresql_and_another_user_take_over_all_that_was_known(machine, real, seen, tmp_path):
    (tmp_path / "Dockerfile").write_text(NEWER_POSTGRES)
    machine.engine.docker("build", "--tag", "postgres:18", str(tmp_path))
    machine.type(*commands("postgres"), *commands("user"))
    real.wait_until_healthy()
    assert real.works() == seen["works"]
    assert real.runs() == seen["runs"]
    containers = real.containers()
    assert {each["Config"]["User"] for each in containers.values()} == {"2002:0"}
    assert [each["Config"]["Image"] for name, each in containers.items() if "-postgres-" in name] == ["postgres:18"]
    there = real.compose("exec", "--no-TTY", "postgres", "psql", "-U", "ao", "-Atc", "SHOW data_directory", "airflow")
    assert there == "/var/lib/postgresql/cluster\n"
    # The bucket of the stand-in's open deliveries is not there; what matters here is.
    found = machine.type("cd /srv/ao", "docker compose exec scheduler ao doctor", code=3)
    assert len(re.findall(r"^(?:catalog|scratch|archive Archive[0-3]|drop folder) +good ", found, re.MULTILINE)) == 7


def test_what_is_removed_is_gone_and_the_archive_stays(machine, real):
    machine.type(*commands("remove"))
    assert traces(real) == []
    assert archive_path(machine.root / "mnt", parse_rid("W1FPL2251")).is_dir()


def assert_is(place: Path, checksums: Mapping[str, str], *, owner: int) -> None:
    """Check that a work in the archive is what was drawn, that nothing else is there, and whose all of it is."""
    paths = {path.relative_to(place).as_posix(): path for path in files_below(place)}
    files = {name: path for name, path in paths.items() if path.is_file() and not PROVENANCE.match(name)}
    found = {name: hashlib.sha512(path.read_bytes()).hexdigest() for name, path in files.items()}
    assert found == dict(checksums)
    assert {path.lstat().st_uid for path in (place, *paths.values())} == {owner}


def secret_values(platform: Platform) -> dict[str, str]:
    """Return the secrets that were made up, by name."""
    files = {path.name: path.read_text().strip() for path in (platform.root / "secrets").iterdir()}
    return {name: value for name, value in files.items() if name != "aws"}


def assert_hides(text: str, secrets: Mapping[str, str], where: str) -> None:
    """Check that ``text`` holds none of the secrets."""
    assert text, where
    assert [name for name, value in secrets.items() if value in text] == [], where


def traces(platform: Platform) -> list[str]:
    """Return everything of a stack that the engine still has."""
    project = re.search(r"^COMPOSE_PROJECT_NAME=(.+)$", (platform.root / ".env").read_text(), re.MULTILINE)[1]
    label = f"label=com.docker.compose.project={project}"
    docker = platform.machine.engine.docker
    return [
        *docker("ps", "--all", "--quiet", "--filter", label).split(),
        *docker("volume", "ls", "--quiet", "--filter", label).split(),
        *docker("network", "ls", "--quiet", "--filter", label).split(),
    ]


def replace_as_editors_do(path: Path, text: str) -> None:
    """Let another file with the mode and owner of the old one take its name."""
    new = path.with_name(f".{path.name}.new")
    new.write_text(text)
    new.chmod(path.stat().st_mode & 0o777)
    os.chown(new, path.stat().st_uid, path.stat().st_gid)
    new.replace(path)


def git_sees(clone: Path) -> str:
    """Return what git would tell of the clone: nothing that was made there may be seen by it."""
    return subprocess.run(
        ["git", "-C", clone, "status", "--porcelain"], check=True, capture_output=True, text=True
    ).stdout


def make_site(opt: Path) -> None:
    """Make a site's operations scripts and its audit tool's Debian package, both as small as can be."""
    scripts = opt / "archive-ops" / "scripts" / "sync"
    scripts.mkdir(parents=True)
    (scripts / "syncOneWork.sh").write_text("#!/bin/sh\necho synced $1\n")
    (opt / "archive-ops" / "requirements.txt").write_text("iniconfig==2.0.0\nboto3>=1.40\n")
    tree = opt / "audit-tool"
    (tree / "DEBIAN").mkdir(parents=True)
    (tree / "DEBIAN" / "control").write_text(
        "Package: audit-tool\nVersion: 1.0\nArchitecture: all\nMaintainer: tests\nDescription: the site's audit tool\n"
    )
    (tree / "usr" / "local" / "bin").mkdir(parents=True)
    tool = tree / "usr" / "local" / "bin" / "audittool.sh"
    tool.write_text("#!/bin/sh\necho the site\\'s audit tool\n")
    tool.chmod(0o755)
    subprocess.run(["dpkg-deb", "--build", "--root-owner-group", tree, opt / "audit-tool_1.0_all.deb"], check=True)


def new_version(origin: Path) -> None:
    """Commit a version with a migration of the catalog and another template of the operator's settings."""
    versions = origin / "src" / "ao_workflows" / "catalog" / "migrations" / "versions"
    (versions / "9999_shelf.py").write_text(
        '"""A column more."""\n\nimport sqlalchemy as sa\nfrom alembic import op\n\n'
        f'revision = "9999"\ndown_revision = "{newest_revision(versions)}"\n\n\n'
        'def upgrade() -> None:\n    """Add it."""\n    op.add_column("deliveries", sa.Column("shelf", sa.String()))\n'
    )
    template = origin / "airflow-docker" / "templates" / "ao.toml"
    template.write_text(f"# A newer template.\n{template.read_text()}")
    commit(origin)


def newest_revision(versions: Path) -> str:
    """Return the last revision that there is."""
    return max(revisions(versions))


def revisions(versions: Path) -> Iterator[str]:
    """Yield the revisions there are."""
    for path in versions.glob("[0-9]*.py"):
        yield re.search(r'^revision(?:: \w+)? = "(\w+)"', path.read_text(), re.MULTILINE)[1]
