"""The values for the official Helm chart: as its schema wants them, and consistent with the platform in Docker."""

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from ao_workflows.settings.explained import variables

PROJECT = Path(__file__).parents[2]
SCHEMA = Path(__file__).with_name("airflow-chart.schema.json")
COMMON = "values.yaml"
EXECUTORS = {"values-kubernetes.yaml": "KubernetesExecutor", "values-celery.yaml": "CeleryExecutor"}


@pytest.fixture
def values(docs):
    """Return what reads a file of values."""

    def read(name: str) -> Any:
        return yaml.safe_load((docs / "helm" / name).read_text(encoding="utf-8"))

    return read


@pytest.mark.parametrize("name", EXECUTORS)
def test_the_charts_schema_takes_the_values(values, name):
    merged = {**values(COMMON), **values(name)}
    assert not set(values(COMMON)) & set(values(name)), "one file decides each key"
    jsonschema.validate(merged, json.loads(SCHEMA.read_text(encoding="utf-8")))
    assert merged["executor"] == EXECUTORS[name]


def test_the_schema_refuses_a_mistake(values):
    wrong = {**values(COMMON), "executer": "CeleryExecutor"}
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(wrong, json.loads(SCHEMA.read_text(encoding="utf-8")))


def test_every_volume_is_mounted_once_and_every_setting_is_one(values):
    common = values(COMMON)
    volumes = [volume["name"] for volume in common["volumes"]]
    assert sorted(mount["name"] for mount in common["volumeMounts"]) == sorted(volumes)
    mounted = {mount["mountPath"] for mount in common["volumeMounts"]}
    environment = {variable["name"]: variable["value"] for variable in common["env"]}
    assert {"AO_CONFIG", "AO_SECRETS_DIR"} < set(environment)
    assert {name.lower() for name in environment} - {"ao_config", "ao_secrets_dir"} <= variables()
    assert {environment["AO_SECRETS_DIR"], environment["AO_SCRATCH__FOLDER"], "/mnt/Archive3"} <= mounted
    assert str(Path(environment["AO_CONFIG"]).parent) in mounted


def test_the_page_names_everything_that_has_to_be_created(values, docs):
    page = (docs / "scaling.md").read_text(encoding="utf-8")
    text = (docs / "helm" / COMMON).read_text(encoding="utf-8")
    names = set(re.findall(r"[nN]ame: (ao-[a-z0-9-]+)|existingClaim: (ao-[a-z0-9-]+)", text))
    created = {claim or name for name, claim in names} - {"ao-workflows"}
    assert {"ao-archive3", "ao-logs", "ao-settings", "ao-airflow-jwt"} <= created
    assert [name for name in created if f"`{name}`" not in page] == []
    assert [bundle["kwargs"]["path"] for bundle in values(COMMON)["dagProcessor"]["dagBundleConfigList"]] == [
        "/opt/project/dags"
    ]


def test_airflow_is_the_same_version_everywhere(values):
    lock = (PROJECT / "requirements" / "platform.txt").read_text(encoding="utf-8")
    locked = re.search(r"^apache-airflow==(\S+)", lock, re.MULTILINE)[1]
    dockerfile = (PROJECT / "airflow-docker" / "Dockerfile").read_text(encoding="utf-8")
    assert values(COMMON)["airflowVersion"] == locked
    assert f"ARG BASE_IMAGE=apache/airflow:{locked}-python3." in dockerfile
    wanted = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    assert any(each.startswith("apache-airflow>=") for each in wanted["airflow"])
