import pytest
from packaging.version import Version

from ao_workflows.errors import UsageError
from ao_workflows.platform.requirements import merge_requirements, read_pins, read_requirements, refuse_conflicts

LOCK = """\
boto3==1.42.1 \\
    --hash=sha256:00
six==1.17.0 ; python_version < '4' \\
    --hash=sha256:11
"""


@pytest.fixture
def lock(tmp_path):
    path = tmp_path / "requirements" / "platform.txt"
    path.parent.mkdir()
    path.write_text(LOCK)
    return path


@pytest.fixture
def site_file(tmp_path):
    """Give what writes a requirement file of the site."""

    def write(text: str, name: str = "site.txt"):
        path = tmp_path / name
        path.write_text(text)
        return path

    return write


def test_requirements_are_read_with_their_places(site_file):
    site_file("pyyaml\n", "more.txt")
    path = site_file("# What we need\nboto3>=1.40  # for S3\n\n-r more.txt\nSix \\\n  >=1 \\\n  --hash=sha256:22\n")
    found = [(str(each.requirement), each.source.rpartition("/")[2]) for each in read_requirements(path)]
    assert found == [("boto3>=1.40", "site.txt:2"), ("pyyaml", "more.txt:1"), ("Six>=1", "site.txt:5")]


@pytest.mark.parametrize(
    "line",
    [
        "--index-url https://user:password@example.org/simple",
        "-e .",
        "git+https://example.org/tool.git",
        "tool @ https://example.org/tool.zip",
        "what is this",
    ],
)
def test_what_cannot_be_pinned_is_refused_by_its_line_and_no_password_repeated(site_file, line):
    path = site_file(f"six\n{line}\n")
    with pytest.raises(UsageError) as refused:
        list(read_requirements(path))
    assert refused.value.code == "site-part"
    assert refused.value.message.startswith(f"{path}:2: ")
    assert "password" not in refused.value.message


def test_pins_are_read_from_a_lock(lock):
    assert read_pins(lock) == {"boto3": Version("1.42.1"), "six": Version("1.17.0")}


def test_a_conflict_names_both_sources(lock, site_file):
    path = site_file("six\nBoto3<1.40\nsix<1\n")
    with pytest.raises(UsageError) as refused:
        refuse_conflicts(list(read_requirements(path)), pins=read_pins(lock), lock=lock)
    said = refused.value.message
    assert refused.value.code == "requirements-conflict"
    assert f"{path}:2 asks for Boto3<1.40, and requirements/platform.txt has boto3==1.42.1" in said
    assert f"{path}:3 asks for six<1, and requirements/platform.txt has six==1.17.0" in said


def test_without_wishes_of_the_site_the_lock_is_taken_as_it_is(lock, site_file, tmp_path):
    merge_requirements(lock, [site_file("# nothing\n")], tmp_path / "merged.txt")
    assert (tmp_path / "merged.txt").read_text() == LOCK


def test_wishes_are_merged_and_pinned_by_hash(checkout, site_file, tmp_path):
    target = tmp_path / "merged.txt"
    ours = read_pins(checkout.lock("core"))
    merge_requirements(checkout.lock("core"), [site_file("tabulate==0.9.0\nboto3\n")], target)
    merged = read_pins(target)
    assert merged == {**ours, "tabulate": Version("0.9.0")}
    text = target.read_text()
    assert "tabulate==0.9.0 \\\n    --hash=sha256:" in text
    assert "://" not in text, "no address of an index"
    assert not list(tmp_path.glob("*.in"))


def test_wishes_that_contradict_each_other_are_named_with_their_places(checkout, site_file, tmp_path):
    first, second = site_file("tabulate<0.8\n", "first.txt"), site_file("tabulate>=0.9\n", "second.txt")
    with pytest.raises(UsageError) as refused:
        merge_requirements(checkout.lock("core"), [first, second], tmp_path / "merged.txt")
    assert refused.value.code == "requirements-conflict"
    assert f"{first}:1 (tabulate<0.8)" in refused.value.message
    assert f"{second}:1 (tabulate>=0.9)" in refused.value.message
