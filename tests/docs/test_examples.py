"""The commands on the pages do what the pages say."""

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from fixtures.house import bag_zip, work_files, write_files, zip_folder

from .examples import Example, Ran, examples_of, problem_of, run_examples

BIN = Path(sys.executable).parent


def settings(folder: Path) -> str:
    return f"""\
home = "{folder}"
archive = {{ root = "{folder}/mnt" }}
intake = {{ drop_folder = "{folder}/drop", settle_seconds = 0 }}
"""


def make_place(folder: Path) -> Path:
    """Make a place for deliveries: an archive, a drop folder and settings."""
    for number in range(4):
        (folder / "mnt" / f"Archive{number}").mkdir(parents=True)
    (folder / "drop").mkdir()
    (folder / "ao.toml").write_text(settings(folder), encoding="utf-8")
    return folder


def prepare_quickstart(folder: Path) -> None:
    """Leave what a reader has after ``make demo``, as far as the page looks at it."""
    (folder / ".venv").symlink_to(BIN.parent)
    demo = make_place(folder / ".demo")
    samples = demo / "samples"
    samples.mkdir()
    bag_zip(demo / "drop" / "W22084.bag.zip", {"W22084": work_files("W22084")})
    bag_zip(
        demo / "drop" / "W1NLM4700.bag.zip",
        {"W1NLM4700": work_files("W1NLM4700")},
        damage="images/W1NLM4700-0001/00010001.jpg",
    )
    write_files(samples / "dropped" / "W8LS68226", work_files("W8LS68226"))
    zip_folder(samples / "dropped", samples / "W8LS68226.zip")
    commands = [Example(f"ao {words}", compared=False) for words in ("db upgrade", "run --once")]
    run_examples(commands, folder=demo, environment=environment(demo))
    (demo / "ao.toml").write_text(settings(Path(".demo")), encoding="utf-8")


def prepare_command_line(folder: Path) -> None:
    """Leave a work and a damaged bag in the folder that the page begins in."""
    make_place(folder)
    write_files(folder / "W22084", work_files("W22084"))
    damaged = "images/W22084-0001/00010001.jpg"
    bag_zip(folder / "damaged.bag.zip", {"W22084": work_files("W22084")}, damage=damaged)


def prepare_nothing(folder: Path) -> None:
    """The page begins in any folder."""
    assert folder.is_dir()


def environment(folder: Path) -> dict[str, str]:
    return {
        **os.environ,
        "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(folder),
        "COLUMNS": "200",
        "LC_ALL": "C.UTF-8",
        "AO_SECRETS_DIR": str(folder / "no-secrets"),
    }


PAGES: dict[str, Callable[[Path], None]] = {
    "quickstart.md": prepare_quickstart,
    "audit.md": prepare_command_line,
    "sync.md": prepare_command_line,
    "run-with-airflow.md": prepare_nothing,
    "reference/command-line.md": prepare_command_line,
}
"""The pages with examples, and what a reader has when beginning to read."""


@pytest.mark.parametrize("name", PAGES)
def test_the_examples_of_a_page_work_and_print_what_it_says(docs, name, tmp_path):
    PAGES[name](tmp_path)
    examples = examples_of((docs / name).read_text(encoding="utf-8"))
    assert examples
    ran = run_examples(examples, folder=tmp_path, environment=environment(tmp_path))
    following = [*(example.command for example in examples[1:]), ""]
    problems = [problem_of(each, next_command=command) for each, command in zip(ran, following, strict=True)]
    assert not any(problems), "\n\n".join(filter(None, problems))


def test_no_page_has_examples_that_are_not_run(docs):
    with_examples = {
        str(page.relative_to(docs)) for page in docs.rglob("*.md") if examples_of(page.read_text(encoding="utf-8"))
    }
    assert with_examples == set(PAGES)


@pytest.mark.parametrize(
    ("expected", "output"),
    [(["a … c"], "a b c"), (["one", "…", "four"], "one\ntwo\nthree\nfour\n"), ([], "\n"), (["a  b"], "a      b")],
)
def test_dots_and_spaces_on_a_page_stand_for_what_differs(expected, output):
    ran = Ran(Example("command", compared=True, expected=expected), 0, output)
    assert problem_of(ran, next_command="") == ""


@pytest.mark.parametrize(
    ("expected", "output", "code"),
    [(["a b"], "a c", 0), (["a"], "a\nb", 0), ([], "surprise", 0), (["a"], "", 0), (["a"], "a", 1)],
)
def test_other_output_or_another_exit_code_is_a_problem(expected, output, code):
    ran = Ran(Example("command", compared=True, expected=expected), code, output)
    assert "$ command" in problem_of(ran, next_command="")
