import pytest

from ao_workflows.errors import UsageError
from ao_workflows.platform.build import assemble, image_names
from ao_workflows.platform.checkout import find_checkout
from ao_workflows.platform.site import read_site


@pytest.fixture
def context(checkout, tmp_path):
    """Assemble what the images are built from, with a script and a package of a site."""
    script = tmp_path / "archive-ops" / "bin" / "syncOneWork.sh"
    script.parent.mkdir(parents=True)
    script.write_text("#!/bin/sh\n")
    package = tmp_path / "audit-tool.deb"
    package.write_bytes(b"!<arch>\ndebian-binary   ")
    folder = tmp_path / "context"
    folder.mkdir()
    assemble(checkout, read_site(operations=script.parent.parent, packages=[package]), folder)
    return folder


def test_everything_that_the_dockerfile_copies_is_there(context):
    copied = [
        [word for word in line.split()[1:-1] if not word.startswith("--")]
        for line in (context / "Dockerfile").read_text().splitlines()
        if line.startswith("COPY") and "--from=" not in line
    ]
    assert copied
    for sources in copied:
        for source in sources:
            assert (context / source).exists(), source


def test_the_sites_parts_are_there_and_scripts_can_be_run(context):
    script = context / "site" / "bin" / "syncOneWork.sh"
    assert script.stat().st_mode & 0o111 == 0o111
    assert [path.name for path in (context / "site" / "packages").iterdir()] == ["audit-tool.deb"]


def test_nothing_of_a_running_stack_or_of_git_gets_into_the_image(context):
    names = {part for path in context.rglob("*") for part in path.relative_to(context).parts}
    assert not names & {".env", "secrets", ".git", "__pycache__", "tests", "archive-ops", "drop", "logs"}


def test_names_of_images_follow_from_the_tag():
    assert image_names("bdrc-airflow").airflow == "bdrc-airflow:latest"
    assert image_names("bdrc-airflow:2026.11").demo == "bdrc-airflow-demo:2026.11"
    assert image_names("example.org:5000/bdrc").airflow == "example.org:5000/bdrc:latest"
    assert image_names("example.org:5000/bdrc:7").demo == "example.org:5000/bdrc-demo:7"


@pytest.mark.parametrize("tag", ["", "Bdrc", "bdrc airflow", "bdrc:", ":7", "bdrc:7:8", "--privileged"])
def test_what_cannot_be_an_image_is_refused(tag):
    with pytest.raises(UsageError, match="cannot be the name of an image"):
        image_names(tag)


def test_a_folder_that_is_no_checkout_is_told(tmp_path):
    with pytest.raises(UsageError) as refused:
        find_checkout(tmp_path)
    assert refused.value.code == "not-a-checkout"
