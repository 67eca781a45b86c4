import base64
import stat
from typing import Any

import pytest

from ao_workflows.errors import SystemFailed, UsageError
from ao_workflows.platform.build import image_names
from ao_workflows.platform.changes import carry_out, visible_changes
from ao_workflows.platform.checkout import Checkout
from ao_workflows.platform.deploy import Wish, plan
from ao_workflows.platform.deployment import Deployment, find_deployment

from .conftest import snapshot

MADE = {"db", "aws", "redis", "fernet_key", "api_secret_key", "jwt_secret", "admin_password"}


def shown(checkout, deployment, **wish: Any) -> list[tuple[str, str]]:
    return [(change.action, change.path) for change in visible_changes(plan(checkout, deployment, Wish(**wish)))]


def newer(checkout: Checkout, folder) -> Checkout:
    """Return another version of the checkout, in which the compose file and a template differ."""
    other = Checkout(folder / "newer")
    for source, target in ((checkout.compose_file, other.compose_file), (checkout.templates, other.templates)):
        for file in [source] if source.is_file() else sorted(source.iterdir()):
            place = target if source.is_file() else target / file.name
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(f"# Newer.\n{file.read_text()}")
    (other.root / "pyproject.toml").touch()
    return other


def test_a_deployment_to_try_things_has_everything_that_compose_asks_for(deployed, operator):
    env = deployed.env()
    assert env["SYNC_ACCESS_UID"] == str(operator)
    assert env["ARCH_ROOT"] == "./archive"
    assert env["AIRFLOW_BIND"] == "127.0.0.1"
    assert env["COMPOSE_PROJECT_NAME"] == "ao-ao"
    assert {path.name for path in deployed.secrets.iterdir()} == MADE
    for number in range(4):
        assert (deployed.root / "archive" / f"Archive{number}" / ".ao-archive").is_file()
    for name in ("config/ao.toml", "config/airflow.cfg", "config/shipped-dags.ignore", "docker-compose.yml"):
        assert (deployed.root / name).is_file(), name
    for name in ("dags", "drop", "logs"):
        assert (deployed.root / name).is_dir(), name
    assert find_deployment(deployed.root) == deployed


def test_secrets_are_for_the_services_user_only_and_all_different(deployed, operator):
    files = sorted(deployed.secrets.iterdir())
    for path in (deployed.secrets, *files):
        status = path.stat()
        assert status.st_uid == operator, path
        assert stat.S_IMODE(status.st_mode) & 0o077 == 0, path
    made = [path.read_text() for path in files if path.name != "aws"]
    assert len(set(made)) == len(made)
    assert all(len(text) >= 16 for text in made)
    assert len(base64.urlsafe_b64decode((deployed.secrets / "fernet_key").read_text())) == 32


def test_two_deployments_have_no_secret_in_common(checkout, deployed, tmp_path, operator):
    other = Deployment(tmp_path / "other")
    carry_out(plan(checkout, other, Wish(kind="dev", uid=operator)), other)
    for name in MADE - {"aws"}:
        assert (deployed.secrets / name).read_text() != (other.secrets / name).read_text()


def test_deploying_again_changes_nothing(checkout, deployed):
    before = snapshot(deployed.root)
    assert shown(checkout, deployed) == []
    carry_out(plan(checkout, deployed, Wish()), deployed)
    assert snapshot(deployed.root) == before


def test_a_plan_alone_changes_nothing(checkout, deployment, operator):
    assert ("create", ".env") in shown(checkout, deployment, kind="dev", uid=operator)
    assert not deployment.root.exists()


def test_what_nobody_has_changed_is_renewed(checkout, deployed, tmp_path):
    version = newer(checkout, tmp_path)
    [change] = [each for each in plan(version, deployed, Wish()) if each.path == "docker-compose.yml"]
    assert change.action == "update"
    assert "\n+# Newer.\n" in change.difference
    carry_out(plan(version, deployed, Wish()), deployed)
    assert deployed.compose_file.read_text().startswith("# Newer.")
    assert (deployed.config / "ao.toml").read_text().startswith("# Newer.")


def test_what_the_operator_has_changed_stays_and_the_new_one_is_laid_beside_it(checkout, deployed, tmp_path):
    settings = deployed.config / "ao.toml"
    settings.write_text("[log]\nformat = 'json'\n")
    assert ("keep", "config/ao.toml") in shown(checkout, deployed)
    version = newer(checkout, tmp_path)
    assert ("create", "config/ao.toml.new") in shown(version, deployed)
    carry_out(plan(version, deployed, Wish()), deployed)
    assert shown(version, deployed) == []
    assert settings.read_text() == "[log]\nformat = 'json'\n"
    assert settings.with_name("ao.toml.new").read_text().startswith("# Newer.")


def test_settings_stay_and_missing_ones_are_added(checkout, deployed):
    text = deployed.env_file.read_text()
    deployed.env_file.write_text(text.replace("AIRFLOW_PORT=8080", "AIRFLOW_PORT=9090").replace("WORKERS=2\n", ""))
    carry_out(plan(checkout, deployed, Wish()), deployed)
    assert deployed.env()["AIRFLOW_PORT"] == "9090"
    assert deployed.env()["WORKERS"] == "2"


def test_what_is_asked_for_is_set_and_told(checkout, deployed):
    wish = Wish(executor="celery", workers=3, port=8081, images=image_names("bdrc-airflow:7"))
    [change] = visible_changes(plan(checkout, deployed, wish))
    assert (change.action, change.path) == ("update", ".env")
    assert "AIRFLOW_EXECUTOR=CeleryExecutor" in change.detail
    carry_out([change], deployed)
    env = deployed.env()
    assert (env["COMPOSE_PROFILES"], env["WORKERS"], env["AIRFLOW_PORT"]) == ("celery", "3", "8081")
    assert env["AO_IMAGE"] == "bdrc-airflow:7"
    carry_out(plan(checkout, deployed, Wish(executor="local")), deployed)
    assert deployed.env()["COMPOSE_PROFILES"] == ""


def test_a_secret_is_never_replaced_but_closed_to_others(checkout, deployed):
    secret = deployed.secrets / "db"
    secret.write_text("the site's own")
    secret.chmod(0o644)
    assert shown(checkout, deployed) == [("update", "secrets/db")]
    carry_out(plan(checkout, deployed, Wish()), deployed)
    assert secret.read_text() == "the site's own"
    assert stat.S_IMODE(secret.stat().st_mode) == 0o600


def test_a_lost_secret_is_made_anew(checkout, deployed):
    (deployed.secrets / "redis").unlink()
    assert ("create", "secrets/redis") in shown(checkout, deployed)


def test_for_real_archive_roots_are_not_made_and_empty_ones_not_trusted(checkout, deployment, operator, tmp_path):
    archive = tmp_path / "mnt"
    for name in ("Archive0", "Archive1", "Archive2"):
        (archive / name).mkdir(parents=True)
    (archive / "Archive1" / "25").mkdir()
    (archive / "Archive1" / ".ao-archive").touch()
    wish = Wish(kind="prod", uid=operator, arch_root=str(archive))
    changes = plan(checkout, deployment, wish)
    carry_out(changes, deployment)
    warnings = {change.path: change.detail for change in changes if change.action == "warn"}
    assert set(warnings) == {str(archive / name) for name in ("Archive0", "Archive2", "Archive3")}
    assert "nothing is mounted there" in warnings[str(archive / "Archive0")]
    assert "is not there" in warnings[str(archive / "Archive3")]
    assert not (archive / "Archive3").exists()
    marked = {path.parent.name for path in archive.glob("*/.ao-archive")}
    assert marked == {"Archive1"}, "only the one that had it already"
    carry_out(plan(checkout, deployment, Wish(accept_archive=True)), deployment)
    assert {path.parent.name for path in archive.glob("*/.ao-archive")} == {"Archive0", "Archive1", "Archive2"}


@pytest.mark.parametrize(
    ("wish", "message"),
    [
        (Wish(), "It is not said what is deployed"),
        (Wish(kind="dev", uid=0), "shall not run as root"),
    ],
)
def test_a_wish_that_cannot_be_fulfilled_is_refused_before_anything_is_made(checkout, deployment, wish, message):
    with pytest.raises(UsageError, match=message):
        plan(checkout, deployment, wish)
    assert not deployment.root.exists()


def test_a_deployment_stays_with_its_user(checkout, deployed, operator):
    plan(checkout, deployed, Wish(uid=operator))
    with pytest.raises(UsageError, match="its database belongs to that user"):
        plan(checkout, deployed, Wish(uid=operator + 1))


@pytest.mark.parametrize("value", ["", "alice", "2001:0", "-1", "99999999999"])
def test_a_user_that_is_no_number_is_told(checkout, deployed, value):
    text = deployed.env_file.read_text().replace("SYNC_ACCESS_UID=", f"SYNC_ACCESS_UID={value} #")
    deployed.env_file.write_text(text)
    with pytest.raises(UsageError, match="SYNC_ACCESS_UID") as refused:
        plan(checkout, deployed, Wish())
    assert refused.value.code == "env-file"


def test_only_a_deployment_to_try_things_takes_samples(checkout, deployed, tmp_path, operator):
    assert deployed.env()["DEMO"] == "yes"
    real = Deployment(tmp_path / "real")
    carry_out(plan(checkout, real, Wish(kind="prod", uid=operator, arch_root=str(tmp_path))), real)
    assert real.env()["DEMO"] == "no"


def test_a_deployment_stays_of_its_kind(checkout, deployed):
    with pytest.raises(UsageError, match="kind dev, and stays one"):
        plan(checkout, deployed, Wish(kind="prod"))


def test_an_ordinary_user_deploys_for_himself_and_for_nobody_else(checkout, deployment):
    plan(checkout, deployment, Wish(kind="dev"), acting=1000)
    with pytest.raises(UsageError, match="can be made by that user or by root, not by uid 1000"):
        plan(checkout, deployment, Wish(kind="dev", uid=1001), acting=1000)
    plan(checkout, deployment, Wish(kind="dev", uid=1001), acting=0)


def test_a_directory_without_a_deployment_is_told(tmp_path):
    with pytest.raises(UsageError) as refused:
        find_deployment(tmp_path)
    assert refused.value.code == "not-deployed"


def test_a_damaged_state_is_told(checkout, deployed):
    deployed.state_file.write_text("{")
    with pytest.raises(SystemFailed, match="cannot be read"):
        plan(checkout, deployed, Wish())


def test_a_place_that_cannot_be_made_is_told(checkout, tmp_path, operator):
    (tmp_path / "file").touch()
    deployment = Deployment(tmp_path / "file" / "ao")
    with pytest.raises(SystemFailed) as failed:
        carry_out(plan(checkout, deployment, Wish(kind="dev", uid=operator)), deployment)
    assert failed.value.code == "deployment-failed"
