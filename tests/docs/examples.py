"""Reading the examples out of a page, running them as a reader would, and comparing what they print.

An HTML comment before a block, which no reader sees, says what the block is for::

    <!-- run -->          commands after "$ ", with what they print; "…" stands for anything
    <!-- run only -->     the same, with output that differs from place to place
    <!-- save NAME -->    a file that the reader is told to save under that name

All commands of a page run in one shell, one after another. A command has to succeed unless ``echo $?`` follows it.
"""

import re
import shlex
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

_BLOCK = re.compile(
    r"^<!-- (run|run only|save (?P<name>\S+)) -->\n```\w+\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL
)
_END = "end of example"


@dataclass(slots=True)
class Example:
    """One command of a page.

    :param expected: the lines that it is said to print.
    :param compared: whether its output is compared with them.
    """

    command: str
    compared: bool
    expected: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Ran:
    """What became of an example."""

    example: Example
    code: int
    output: str


def examples_of(page: str) -> list[Example]:
    """Return the examples of a page, in order; a file to be saved becomes the command that saves it."""
    found: list[Example] = []
    for block in _BLOCK.finditer(page):
        if block["name"]:
            found.append(Example(f"printf %s {shlex.quote(block['body'])} > {block['name']}", compared=False))
            continue
        for line in block["body"].splitlines():
            if line.startswith("$ "):
                found.append(Example(line.removeprefix("$ "), compared=block[1] == "run"))
            else:
                found[-1].expected.append(line)
    return found


def run_examples(examples: list[Example], *, folder: Path, environment: Mapping[str, str]) -> list[Ran]:
    """Run the commands in one shell, which begins in ``folder``."""
    script = "".join(
        f"{example.command}\nstatus=$?\nprintf '\\n{_END} %s\\n' $status\n(exit $status)\n" for example in examples
    )
    done = subprocess.run(
        ["bash", "--norc", "-u"],
        input=script,
        cwd=folder,
        env=dict(environment),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
        text=True,
        timeout=120,
    )
    parts = re.split(rf"\n{_END} (\d+)\n", done.stdout)
    return [
        Ran(example, int(code), output)
        for example, output, code in zip(examples, parts[0:-1:2], parts[1::2], strict=True)
    ]


def problem_of(ran: Ran, *, next_command: str) -> str:
    """Return what is wrong with an example that was run; empty if nothing is."""
    example = ran.example
    if ran.code != 0 and next_command != "echo $?":
        return f"$ {example.command}\nended with {ran.code}:\n{ran.output}"
    # Without output on the page, there has to be none, as the reader expects.
    pattern = r"\s*".join(_pattern(line) for line in example.expected)
    if example.compared and not re.fullmatch(rf"\s*{pattern}\s*", ran.output, flags=re.DOTALL):
        expected = "\n".join(example.expected)
        return f"$ {example.command}\nis said to print:\n{expected}\nand prints:\n{ran.output}"
    return ""


def _pattern(line: str) -> str:
    """Return the pattern of one line: spaces stand for any space, and ``…`` for anything."""
    parts = [r"\s+".join(map(re.escape, part.split())) for part in line.split("…")]
    return r"\s*.*?\s*".join(parts)
