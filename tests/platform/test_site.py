from typing import Any

import pytest

from ao_workflows.errors import UsageError
from ao_workflows.platform.site import read_site

KEY = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"


@pytest.fixture
def operations(tmp_path):
    """Give an empty checkout of operations scripts, and what writes a script into it."""
    root = tmp_path / "archive-ops"
    root.mkdir()

    def write(path: str, text: str = "#!/bin/sh\n", mode: int = 0o644) -> None:
        file = root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        file.chmod(mode)

    return root, write


def refusal(**parts: Any) -> str:
    with pytest.raises(UsageError) as refused:
        read_site(**parts)
    assert refused.value.code == "site-part"
    assert refused.value.action
    return refused.value.message


def test_without_a_site_there_is_nothing_to_add():
    site = read_site()
    assert (site.scripts, site.requirements, site.packages) == ((), (), ())


def test_scripts_are_found_by_what_they_are(operations):
    root, write = operations
    write("scripts/syncAnywhere/syncOneWork.sh")
    write("bin/locate", "binary", mode=0o755)
    write("scripts/notes.txt", "nothing to run")
    write("scripts/.hidden.sh")
    write("docs/example.sh")
    assert [name for name, _ in read_site(operations=root).scripts] == ["locate", "syncOneWork.sh"]


def test_requirements_are_found_beside_the_scripts(operations, tmp_path):
    root, write = operations
    write("requirements.txt", "a\n")
    write("scripts/requirements-sync.txt", "b\n")
    more = tmp_path / "more.txt"
    more.write_text("c\n")
    found = read_site(operations=root, requirements=[more]).requirements
    assert [path.name for path in found] == ["requirements.txt", "requirements-sync.txt", "more.txt"]


def test_two_scripts_of_one_name_are_both_named(operations):
    root, write = operations
    write("bin/sync.sh")
    write("scripts/old/sync.sh")
    said = refusal(operations=root)
    assert "bin/sync.sh" in said
    assert "scripts/old/sync.sh" in said


@pytest.mark.parametrize("name", ["ao", "airflow", "python3"])
def test_a_script_that_hides_a_program_of_the_image_is_refused(operations, name):
    root, write = operations
    write(f"bin/{name}")
    assert f"has the name of a program of the image, {name}" in refusal(operations=root)


@pytest.mark.parametrize(
    "text",
    [
        f"#!/bin/sh\naws_secret_access_key = {KEY}\n",
        "#!/bin/sh\nexport KEY=AKIAIOSFODNN7EXAMPLE\n",
        "#!/bin/sh\ncat <<END\n-----BEGIN OPENSSH PRIVATE KEY-----\n",
    ],
)
def test_a_script_that_holds_a_secret_is_refused_and_the_secret_not_repeated(operations, text):
    root, write = operations
    write("scripts/upload.sh", text)
    said = refusal(operations=root)
    assert "scripts/upload.sh holds what looks like a secret key" in said
    assert KEY not in said


def test_a_script_that_only_speaks_of_keys_is_taken(operations):
    root, write = operations
    write("scripts/upload.sh", "#!/bin/sh\n# needs aws_secret_access_key in ~/.aws\n")
    assert len(read_site(operations=root).scripts) == 1


def test_a_link_out_of_the_checkout_is_refused(operations, tmp_path):
    root, write = operations
    write("bin/one")
    (tmp_path / "outside").write_text("#!/bin/sh\n")
    (root / "bin" / "two").symlink_to(tmp_path / "outside")
    assert "is a link that leads out of the checkout" in refusal(operations=root)


def test_a_link_inside_the_checkout_is_taken(operations):
    root, write = operations
    write("lib/tool.sh")
    write("bin/one")
    (root / "bin" / "two").symlink_to("../lib/tool.sh")
    assert [name for name, _ in read_site(operations=root).scripts] == ["one", "two"]


@pytest.mark.parametrize("kind", ["missing", "file", "empty"])
def test_a_folder_that_cannot_be_the_sites_is_told(tmp_path, kind):
    place = tmp_path / kind
    if kind == "file":
        place.touch()
    elif kind == "empty":
        place.mkdir()
    said = refusal(operations=place)
    assert said.startswith(str(place))


def test_only_debian_packages_are_taken(tmp_path):
    package = tmp_path / "audit-tool.deb"
    package.write_bytes(b"PK\x03\x04 a zip by another name")
    assert "is not a Debian package" in refusal(packages=[package])
    package.write_bytes(b"!<arch>\ndebian-binary   1342943816  0     0     100644  4         `\n2.0\n")
    assert read_site(packages=[package]).packages == (package,)
    assert "is not a file" in refusal(packages=[tmp_path / "missing.deb"])
    assert "is not a file" in refusal(requirements=[tmp_path / "missing.txt"])
