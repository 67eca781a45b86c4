"""Which tests and rules an audit has: each place that may say it, and which of them wins."""

from pathlib import Path

import pytest

from ao_workflows.audit import AuditConfigurer, AuditProperties, audit_tests, quoted_options
from ao_workflows.errors import SystemFailed, UsageError
from ao_workflows.settings import AuditProfile, AuditSettings
from ao_workflows.works.sync_config import InvalidSyncConfig

ALL = tuple(audit_tests())


@pytest.fixture
def work(tmp_path: Path) -> Path:
    (tmp_path / "W22084/config").mkdir(parents=True)
    return tmp_path / "W22084"


def write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def test_when_nobody_says_anything_all_tests_run(work: Path):
    rules = AuditConfigurer(AuditSettings()).for_work(work)
    assert rules.tests == ALL
    assert rules.properties == AuditProperties(maximum_image_file_size=400 * 1024)
    assert {item.origin for item in rules.explained} == {"built in"}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (
            "audit.yml",
            """errors_as_warning: [111, 115]
warnings_as_error: [140]
maximum_image_file_size: 2200K
size_outlier_ratio: 0.5""",
        ),
        (
            "audit.yaml",
            """errors_as_warning: [111, 115]
warnings_as_error: [140]
maximum_image_file_size: 2252800
size_outlier_ratio: .5""",
        ),
        (
            "user.properties",
            """# the site's
! rules

 ErrorsAsWarning = 111,\\
    115
WarningsAsError:140
MaximumImageFileSize 2200K
SizeOutlierRatio = 0.5""",
        ),
    ],
)
def test_each_form_of_a_rules_file_says_the_same(work: Path, tmp_path: Path, name: str, text: str):
    rules = AuditConfigurer(AuditSettings(), config=write(tmp_path / name, text)).for_work(work)
    assert rules.properties == AuditProperties(
        errors_as_warning=frozenset({111, 115}),
        warnings_as_error=frozenset({140}),
        maximum_image_file_size=2200 * 1024,
        size_outlier_ratio=0.5,
    )
    assert rules.tests == ALL


def test_the_stronger_place_wins_key_by_key(work: Path, tmp_path: Path):
    settings = AuditSettings(
        tests_off=("ImagePairing",), errors_as_warning=frozenset({101}), maximum_image_file_size="100K"
    )
    file = write(
        tmp_path / "audit.yml",
        "errors_as_warning: [102]\nprofiles:\n- works: [W2*]\n  maximum_image_file_size: 300K\n"
        "- works: ['*']\n  tests: [FileSequence]\n",
    )
    write(work / "config/sync.yml", "audit: {pre: [-D, MaximumImageFileSize=4K, -T ImageIntegrity:ArchiveFormat]}")
    weak = AuditConfigurer(settings, config=file).for_work(work, "post")
    assert weak.properties == AuditProperties(errors_as_warning=frozenset({102}), maximum_image_file_size=300 * 1024)
    assert weak.tests == tuple(key for key in ALL if key != "ImagePairing")
    by_work = AuditConfigurer(settings, config=file).for_work(work)
    assert by_work.properties.maximum_image_file_size == 4096
    assert by_work.tests == ("ImageIntegrity", "ArchiveFormat")
    said = AuditConfigurer(settings, config=file, tests=["FileSequence"], define=["MaximumImageFileSize=5"])
    assert said.for_work(work).tests == ("FileSequence",)
    assert said.for_work(work).properties.maximum_image_file_size == 5
    origins = {item.key: (item.value, item.origin) for item in by_work.explained}
    assert origins["ImageIntegrity"] == ("on", "the work's config/sync.yml, audit.pre")
    assert origins["FileSequence"] == ("off", "the work's config/sync.yml, audit.pre")
    assert origins["errors_as_warning"] == ("102", str(file))
    assert origins["maximum_image_file_size"] == ("4096 bytes", "the work's config/sync.yml, audit.pre")
    assert origins["warnings_as_error"] == ("none", "built in")
    origins = {item.key: (item.value, item.origin) for item in weak.explained}
    assert origins["ImagePairing"] == ("off", "the settings, [audit]")
    assert origins["maximum_image_file_size"] == ("307200 bytes", f"{file}, profile for W2*")


def test_the_profile_of_another_project_does_not_count(tmp_path: Path):
    profiles = (
        AuditProfile(works=("W1NLM*", "W1FEMC*"), tests_off=("ImagePairing",)),
        AuditProfile(works=("W1*",), tests_off=("ArchiveFormat",)),
    )
    configurer = AuditConfigurer(AuditSettings(profiles=profiles))
    off = {rid: set(ALL) - set(configurer.for_work(tmp_path / rid).tests) for rid in ("W1FEMC02", "W1KG1", "W22084")}
    assert off == {"W1FEMC02": {"ImagePairing"}, "W1KG1": {"ArchiveFormat"}, "W22084": set()}


def test_a_test_that_is_named_runs_although_it_was_turned_off(work: Path):
    settings = AuditSettings(tests_off=("ImageIntegrity",))
    assert AuditConfigurer(settings, tests=["ImageIntegrity"]).for_work(work).tests == ("ImageIntegrity",)


def test_a_number_that_a_stronger_place_makes_a_warning_is_no_error_any_more(work: Path):
    settings = AuditSettings(warnings_as_error=frozenset({140, 141}), errors_as_warning=frozenset({101}))
    rules = AuditConfigurer(settings, define=["ErrorsAsWarning=140", "WarningsAsError=101,130"]).for_work(work)
    assert rules.properties.errors_as_warning == {140}
    assert rules.properties.warnings_as_error == {101, 130}
    rules = AuditConfigurer(settings, define=["ErrorsAsWarning=140"]).for_work(work)
    assert rules.properties.warnings_as_error == {141}


def test_a_work_may_be_left_no_say(work: Path):
    write(work / "config/sync.yml", "audit: {pre: [-T, FileSequence]}")
    assert AuditConfigurer(AuditSettings(work_options=False)).for_work(work).tests == ALL


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ("[-T, FileSequense]", "audit.pre: 'FileSequense' is not an audit test."),
        ("[-D, ErrorsAsWarning=x]", "audit.pre: ErrorsAsWarning has 'x', which is no error number."),
        ("[-l, /tmp]", "audit.pre: '-l' is not -T with a test, nor -D with key=value."),
        ("[FileSequence]", "audit.pre: 'FileSequence' is not -T with a test, nor -D with key=value."),
        ("[-T]", "audit.pre: '-T' is not -T with a test, nor -D with key=value."),
        ("['-T \"x']", "audit.pre: A quotation mark has no other: No closing quotation."),
        ("[-D, ErrorsAsWarning=100]", "audit.pre: Error 100 (a test could not do its work) cannot be made a warning."),
    ],
)
def test_a_mistake_in_the_works_own_options_is_the_works_fault(work: Path, options: str, why: str):
    write(work / "config/sync.yml", f"audit: {{pre: {options}}}")
    with pytest.raises(InvalidSyncConfig) as caught:
        AuditConfigurer(AuditSettings()).for_work(work)
    assert caught.value.message == f"The work's config/sync.yml is wrong. {why}"
    assert AuditConfigurer(AuditSettings()).for_work(work, "post").tests == ALL


@pytest.mark.parametrize(
    ("name", "text", "message", "code"),
    [
        (
            "audit.yml",
            "test: [FileSequence]",
            "Line 1: there is no key 'test' (did you mean tests?).",
            "config-invalid",
        ),
        ("audit.yml", "tests: FileSequence", "Line 1: tests has to be a list.", "config-invalid"),
        ("audit.yml", "tests_off: [FileSequense]", "'FileSequense' is not an audit test.", "usage"),
        ("audit.yml", "profiles: [{works: [W1], tests: [X]}]", "'X' is not an audit test.", "usage"),
        ("audit.yml", "profiles: [{tests: [FileSequence]}]", "profiles.0.works is missing.", "config-invalid"),
        ("a.properties", "\n\nErrorAsWarning=1", "line 3: 'ErrorAsWarning' is not an audit property.", "usage"),
        (
            "a.properties",
            "MaximumImageFileSize=0",
            "line 1: MaximumImageFileSize is '0', which is no size.",
            "audit-113",
        ),
        ("audit.toml", "", "The name has to end in .yml, .yaml or .properties.", "config-invalid"),
    ],
)
def test_a_mistake_in_a_rules_file_is_told_before_any_work_is_audited(
    tmp_path: Path, name: str, text: str, message: str, code: str
):
    with pytest.raises(UsageError) as caught:
        AuditConfigurer(AuditSettings(), config=write(tmp_path / name, text))
    assert message in caught.value.message
    assert caught.value.code == code


def test_a_rules_file_that_is_not_there_or_cannot_be_read_is_named(tmp_path: Path):
    with pytest.raises(UsageError, match=r"audit\.yml is not there"):
        AuditConfigurer(AuditSettings(config=tmp_path / "audit.yml"))
    (tmp_path / "audit.yml").mkdir()
    with pytest.raises(SystemFailed, match="Is a directory"):
        AuditConfigurer(AuditSettings(config=tmp_path / "audit.yml"))


def test_turning_off_every_test_is_an_error_that_names_who_did():
    with pytest.raises(UsageError, match="audit of nothing") as caught:
        AuditConfigurer(AuditSettings(tests_off=ALL))
    assert caught.value.action == "Leave one on; all were turned off by the settings, [audit]."


def test_as_options_of_audit_tool_stands_what_somebody_decided_and_nothing_else(work: Path):
    assert AuditConfigurer(AuditSettings()).for_work(work).options == ()
    settings = AuditSettings(errors_as_warning=frozenset({115, 111}), maximum_image_file_size="2M")
    assert AuditConfigurer(settings).for_work(work).options == (
        *("-D", "ErrorsAsWarning=111,115"),
        *("-D", "MaximumImageFileSize=2097152"),
    )
    write(work / "config/sync.yml", 'audit: {pre: ["-T FileSequence", "-D", "WarningsAsError=140"]}')
    assert AuditConfigurer(AuditSettings()).for_work(work).options == (
        *("-T", "FileSequence"),
        *("-D", "WarningsAsError=140"),
    )


def test_options_are_quoted_so_that_a_shell_gets_the_words_as_they_were():
    assert quoted_options(["-TFileSequence:EXIFImageTest", "-D 'ErrorsAsWarning=111, 115'"]) == (
        "-T FileSequence -T EXIFImageTest -D 'ErrorsAsWarning=111, 115'"
    )
    assert quoted_options(["-D", '"UserConfigPath=$(reboot)"']) == "-D 'UserConfigPath=$(reboot)'"
    assert quoted_options([]) == ""


@pytest.mark.parametrize("option", ["-l/tmp", "-D 'a=\0'", "-T 'a\ud800'", "-D 'a=\n'"])
def test_other_options_and_characters_are_not_passed_on(option: str):
    with pytest.raises(UsageError):
        quoted_options([option])
