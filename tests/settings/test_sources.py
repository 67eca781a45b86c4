"""Where settings come from, which of two wins, and what is told when one is wrong."""

import traceback
from pathlib import Path

import pytest

from ao_workflows.errors import SystemFailed, UsageError
from ao_workflows.settings import QueueSettings, explain_settings, load_settings, settings_from_file

PASSWORD = "hunter2-is-secret"  # noqa: S105  # it is looked for in what is printed


def origins() -> dict[str, str]:
    return {value.key: value.origin for value in explain_settings(load_settings())}


def values() -> dict[str, object]:
    return {value.key: value.value for value in explain_settings(load_settings())}


def refusal() -> str:
    with pytest.raises(UsageError) as caught:
        load_settings()
    assert caught.value.code == "config-invalid"
    assert caught.value.action
    everything = "".join(traceback.format_exception(caught.value))
    assert PASSWORD not in everything
    return str(caught.value)


def test_without_anything_every_setting_has_its_default():
    settings = load_settings()
    assert settings.process.max_active == 4
    assert settings.intake.queues == ()
    assert set(origins().values()) == {"default"}


def test_the_file_wins_over_the_default_the_environment_over_the_file_and_a_secret_file_over_all(
    config, secret, monkeypatch
):
    file = config('[aws]\nendpoint_url = "file"\nregion = "file"\nprofile = "file"')
    monkeypatch.setenv("AO_AWS__REGION", "environment")
    monkeypatch.setenv("AO_AWS__PROFILE", "environment")
    path = secret("ao_aws__profile", "secret\n")
    aws = load_settings().aws
    assert (aws.endpoint_url, aws.region, aws.profile) == ("file", "environment", "secret")
    told = origins()
    assert told["aws.endpoint_url"] == file.name
    assert told["aws.region"] == "environment AO_AWS__REGION"
    assert told["aws.profile"] == f"secret file {path}"
    assert told["catalog.url"] == "default"


def test_the_overlay_wins_over_the_file_key_by_key_and_not_over_the_environment(config, place, monkeypatch):
    config('[aws]\nendpoint_url = "file"\nregion = "file"\nprofile = "file"')
    overlay = place / "overlay.toml"
    overlay.write_text('[aws]\nregion = "overlay"\nprofile = "overlay"\n')
    monkeypatch.setenv("AO_CONFIG_OVERLAY", str(overlay))
    monkeypatch.setenv("AO_AWS__PROFILE", "environment")
    aws = load_settings().aws
    assert (aws.endpoint_url, aws.region, aws.profile) == ("file", "overlay", "environment")
    assert origins()["aws.region"] == str(overlay)
    assert origins()["aws.endpoint_url"] == "ao.toml"


def test_an_overlay_that_is_not_there_changes_nothing_until_it_is(config, place, monkeypatch):
    config('[aws]\nregion = "file"')
    monkeypatch.setenv("AO_CONFIG_OVERLAY", str(place / "later.toml"))
    assert load_settings().aws.region == "file"
    (place / "later.toml").write_text('[aws]\nregion = "later"\n')
    assert load_settings().aws.region == "later"


def test_what_is_wrong_in_the_overlay_is_told_with_its_name(place, monkeypatch):
    overlay = place / "overlay.toml"
    overlay.write_text("[aws]\nregoin = 'x'\n")
    monkeypatch.setenv("AO_CONFIG_OVERLAY", str(overlay))
    assert refusal().endswith(f"Correct {overlay}.")


def test_keys_of_one_section_may_come_from_different_places(config, monkeypatch):
    config("[process]\nmax_active = 2\nretry_seconds = 7")
    monkeypatch.setenv("AO_PROCESS__MAX_ACTIVE", "3")
    process = load_settings().process
    assert (process.max_active, process.retry_seconds) == (3, 7)


def test_lists_are_json_in_the_environment(monkeypatch):
    monkeypatch.setenv("AO_INTAKE__QUEUES", '[{"name": "NlmReadyToIntake", "region": "ap-northeast-2"}, {"name": "b"}]')
    monkeypatch.setenv("AO_AUDIT__TESTS", '["FileSequence"]')
    monkeypatch.setenv("AO_AUDIT__ERRORS_AS_WARNING", "[111, 115]")
    settings = load_settings()
    assert settings.intake.queues == (
        QueueSettings(name="NlmReadyToIntake", region="ap-northeast-2"),
        QueueSettings(name="b"),
    )
    assert settings.audit.tests == ("FileSequence",)
    assert settings.audit.errors_as_warning == {111, 115}
    assert origins()["intake.queues"] == "environment AO_INTAKE__QUEUES"
    assert values()["intake.queues"] == ({"region": "ap-northeast-2", "name": "NlmReadyToIntake"}, {"name": "b"})


def test_queues_are_an_array_of_tables_in_the_file(config):
    config('[[intake.queues]]\nname = "a"\n[[intake.queues]]\nname = "b"\nprofile = "ap_northeast"')
    assert load_settings().intake.queues == (
        QueueSettings(name="a"),
        QueueSettings(name="b", profile="ap_northeast"),
    )


def test_a_whole_section_may_be_json_in_one_variable(monkeypatch):
    monkeypatch.setenv("AO_SCRATCH", '{"keep_free_bytes": 5}')
    assert load_settings().scratch.keep_free_bytes == 5
    assert origins()["scratch.keep_free_bytes"] == "environment AO_SCRATCH"


def test_a_variable_set_to_nothing_is_as_good_as_unset(monkeypatch):
    monkeypatch.setenv("AO_ARCHIVE__ROOT", "")
    monkeypatch.setenv("AO_PROCESS__MAX_ACTIVE", "")
    settings = load_settings()
    assert settings.archive.root is None
    assert settings.process.max_active == 4
    assert origins()["archive.root"] == "default"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[aws]\nregoin = "x"', "aws.regoin: there is no such setting (did you mean region?)"),
        ('[catlog]\nurl = "x"', "catlog: there is no such setting (did you mean catalog?)"),
        ('hoem = "x"', "hoem: there is no such setting (did you mean home?)"),
        ('[[intake.queues]]\nname = "a"\nregoin = "x"', "intake.queues.0.regoin: there is no such setting (did you"),
        ("[[intake.queues]]", "intake.queues.0.name: Field required"),
        ("[process]\nmax_active = 0", "process.max_active: Input should be greater than or equal to 1"),
        ('[log]\nformat = "xml"', "log.format: Input should be 'text' or 'json'"),
        ("catalog = 5", "catalog: Input should be"),
        ('[archive]\nroot = ""', "archive.root: an empty path names nothing"),
        (f'[catalog]\npasword = "{PASSWORD}"', "catalog.pasword: there is no such setting (did you mean password?)"),
        (
            f'[catalog]\nbusy_timeout_seconds = "{PASSWORD}"',
            "catalog.busy_timeout_seconds: Input should be a valid int",
        ),
        (f'[catalog]\npassword = ["{PASSWORD}"]', "catalog.password: Input should be a valid string"),
    ],
)
def test_what_is_wrong_in_the_file_is_named_with_its_key(config, text, message):
    config(text)
    said = refusal()
    assert message in said
    assert said.endswith("Correct ao.toml.")


def test_all_that_is_wrong_is_told_at_once_each_with_its_place(config, secret, monkeypatch):
    config("[process]\nmax_active = 0")
    monkeypatch.setenv("AO_PROCESS__RETRY_SECONDS", "soon")
    path = secret("ao_catalog__busy_timeout_seconds", PASSWORD)
    said = refusal()
    assert "process.max_active" in said
    assert "process.retry_seconds" in said
    assert "catalog.busy_timeout_seconds" in said
    for place in ("ao.toml", "environment AO_PROCESS__RETRY_SECONDS", f"secret file {path}"):
        assert place in said.partition("Correct ")[2]


@pytest.mark.parametrize(
    ("name", "suggestion"),
    [
        ("AO_AWS__REGOIN", "AO_AWS__REGION"),
        ("AO_CATLOG__PASSWORD", "AO_CATALOG__PASSWORD"),
        ("AO_ARCHIVE_ROOT", "AO_ARCHIVE__ROOT"),
        ("AO_HOEM", "AO_HOME"),
        ("AO_SECRET_DIR", "AO_SECRETS_DIR"),
        ("AO_INTAKE__QUEUES__0__NAME", None),
        ("AO_SOMETHING__ELSE", None),
        ("AO_AWS_REGION", "AO_AWS__REGION"),
        ("ao_catlog__url", "AO_CATALOG__URL"),
    ],
)
def test_an_unknown_variable_is_refused_with_the_nearest_known_one(monkeypatch, name, suggestion):
    monkeypatch.setenv(name, PASSWORD)
    said = refusal()
    assert f"There is no setting for the environment variable {name}" in said
    if suggestion:
        assert f"(did you mean {suggestion}?)" in said


@pytest.mark.parametrize("name", ["AO_SOMETHING_ELSE", "AO_IMAGE", "AO_BENCH_DIR", "AO_UID"])
def test_a_variable_of_another_program_is_passed_over(monkeypatch, name):
    monkeypatch.setenv(name, "x")
    assert set(origins().values()) == {"default"}


def test_an_unknown_secret_file_of_ours_is_refused_and_others_are_not_looked_at(secret):
    secret("db_apps", "[prod]\n")
    Path(secret("not_text", "").parent / "not_text").write_bytes(b"\xff\xfe")
    load_settings()
    path = secret("ao_catalog__pasword", PASSWORD)
    assert f"the secret file {path} (did you mean AO_CATALOG__PASSWORD?)" in refusal()


@pytest.mark.parametrize("name", ["AO_INTAKE__QUEUES", "AO_CATALOG", "AO_AUDIT__TESTS"])
def test_a_variable_that_should_be_json_and_is_not_is_named(monkeypatch, name):
    monkeypatch.setenv(name, f'{{"password": "{PASSWORD}"')
    assert f"environment {name} is not JSON" in refusal()


def test_a_secret_file_that_should_be_json_and_is_not_is_named(secret):
    path = secret("ao_intake__queues", f"[{PASSWORD}")
    assert f"secret file {path} is not JSON" in refusal()


@pytest.mark.parametrize("text", ["[aws\nregion = 1", "= 3", "a = 1\na = 2\n"])
def test_a_file_that_is_not_toml_is_named_with_the_line(config, text):
    config(text)
    said = refusal()
    assert "ao.toml is not valid TOML" in said
    assert "line " in said


def test_a_file_that_is_not_utf8_is_named_with_the_byte(place):
    (place / "ao.toml").write_bytes(b'[aws]\nregion = "\xff"')
    assert "ao.toml is not text in UTF-8: see byte 17" in refusal()


def test_a_secret_that_is_not_utf8_is_named_and_its_content_kept_back(secret):
    path = secret("ao_catalog__password", "")
    path.write_bytes(PASSWORD.encode() + b"\xff")
    assert f"{path} is not text in UTF-8" in refusal()


def test_ao_config_names_the_file_instead_of_the_one_in_the_working_folder(config, tmp_path, monkeypatch):
    config('[aws]\nregion = "here"')
    other = tmp_path / "other.toml"
    other.write_text('[aws]\nregion = "there"')
    monkeypatch.setenv("AO_CONFIG", str(other))
    assert load_settings().aws.region == "there"
    assert origins()["aws.region"] == str(other)


def test_ao_config_that_names_a_missing_file_is_an_error(monkeypatch):
    monkeypatch.setenv("AO_CONFIG", "/nowhere/ao.toml")
    with pytest.raises(UsageError, match=r"AO_CONFIG names /nowhere/ao\.toml, which is not a file") as caught:
        load_settings()
    assert caught.value.code == "config-missing"


def test_a_folder_of_secrets_that_is_a_file_is_an_error(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("AO_SECRETS_DIR", str(tmp_path / "file"))
    assert "Not a directory" in refusal()


def test_a_missing_folder_of_secrets_is_no_error(monkeypatch):
    monkeypatch.setenv("AO_SECRETS_DIR", "/nowhere/secrets")
    assert load_settings().catalog.password is None


def test_an_aws_credentials_file_among_the_secrets_is_found_by_itself_unless_another_is_named(secret, monkeypatch):
    path = secret("aws", "[default]\n")
    assert load_settings().aws.credentials_file == path
    assert origins()["aws.credentials_file"] == "found among the secret files"
    monkeypatch.setenv("AO_AWS__CREDENTIALS_FILE", "/etc/aws")
    assert load_settings().aws.credentials_file == Path("/etc/aws")
    assert origins()["aws.credentials_file"] == "environment AO_AWS__CREDENTIALS_FILE"


def test_a_secret_is_used_without_its_line_end_and_shown_masked(secret):
    path = secret("ao_catalog__password", f"{PASSWORD}\n")
    settings = load_settings()
    assert settings.catalog.password.get_secret_value() == PASSWORD
    assert values()["catalog.password"] == "********"
    assert origins()["catalog.password"] == f"secret file {path}"
    assert PASSWORD not in repr(settings)
    assert PASSWORD not in str(explain_settings(settings))


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql+psycopg://ao:{PASSWORD}@host/db",
        f"postgresql+psycopg://ao:{PASSWORD}@x@host:1/db",
        f"postgresql+psycopg://ao:{PASSWORD}/with/slashes@host/db",
        f"postgresql+psycopg://ao@host/db?password={PASSWORD}&a=b",
        f"postgresql+psycopg://ao@host/db?sslpassword={PASSWORD}",
    ],
)
def test_a_password_in_an_address_is_refused_and_not_repeated(monkeypatch, url):
    monkeypatch.setenv("AO_CATALOG__URL", url)
    with pytest.raises(UsageError, match=r"it holds a password: set catalog\.password") as refused:
        load_settings()
    assert PASSWORD not in str(refused.value)


@pytest.mark.parametrize("url", ["postgresql+psycopg://ao@host:5432/db", "sqlite:////srv/a@b:c.db"])
def test_an_address_without_password_is_taken_as_it_is(monkeypatch, url):
    monkeypatch.setenv("AO_CATALOG__URL", url)
    assert load_settings().catalog.url == values()["catalog.url"] == url


def test_settings_from_a_file_alone_leave_the_environment_out(config, monkeypatch):
    file = config('[aws]\nregion = "file"')
    monkeypatch.setenv("AO_AWS__REGION", "environment")
    monkeypatch.setenv("AO_NONSENSE", "x")
    assert settings_from_file(file).aws.region == "file"


def test_settings_from_a_wrong_file_name_the_file(config):
    file = config('[aws]\nregoin = "x"')
    with pytest.raises(UsageError, match=r"aws\.regoin.*did you mean region") as caught:
        settings_from_file(file)
    assert str(file) in caught.value.action


def test_settings_from_a_wrong_file_do_not_repeat_what_may_be_a_secret(config):
    file = config(f'[catalog]\npassword = ["{PASSWORD}"]')
    with pytest.raises(UsageError) as caught:
        settings_from_file(file)
    assert PASSWORD not in "".join(traceback.format_exception(caught.value))


def test_settings_from_a_missing_file_name_the_file():
    with pytest.raises(SystemFailed, match=r"/nowhere/ao\.toml: No such file"):
        settings_from_file(Path("/nowhere/ao.toml"))


def test_a_file_that_is_nested_without_end_is_wrong(config):
    config("x = " + "[" * 100_000)
    with pytest.raises(UsageError, match="is not valid TOML"):
        load_settings()
