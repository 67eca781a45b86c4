"""PDF: known by its content, and unpacked in a process of its own, which may break down without harm.

What unpacks PDF is a large program in C++, and files come from strangers: ``pdf_process`` runs it, in bounded memory
and time, and whatever becomes of it is a fact about the file.
"""

import json
import os
import re
import signal
import subprocess
import sys
import threading
from dataclasses import replace
from typing import IO, Any

from ao_workflows.audit.images.facts import ImageFacts
from ao_workflows.audit.images.memory import ROOM

READY = b"ready"
"""What the process says before it looks at the file: whatever goes wrong before is no fault of the file."""

_MARK = b"%PDF-"
_HEAD = _TAIL = 1024
"""Bytes at the beginning and at the end of a file in which readers look for what makes it a PDF (ISO 32000-1, annex H,
notes 13 and 18)."""
_ENDING = re.compile(rb"startxref\s+(\d+)\s+%%EOF")
_REFERENCES = re.compile(rb"\s*(xref|\d+\s+\d+\s+obj)\b")
_SOME = 64

_MEMORY = (ROOM.most // 2, ROOM.most)
"""Bytes of memory that the process may take: first as much as lets two files be unpacked together, then all."""

_SECONDS = 60
_BYTES_PER_SECOND = 100_000
"""Processor time that a file may take: some for any, and more for large ones; tightly packed pages are 30 kB."""
_WAITING = 3
"""Times as long it may take by the clock, on a machine with other work."""

_MOST_SAID = 1 << 16  # bytes
_KEPT = ("PATH", "LANG", "LD_LIBRARY_PATH")
_OUT_OF_MEMORY, _OUT_OF_TIME = signal.SIGABRT, signal.SIGXCPU
"""What PDFium ends with when it gets no memory, and what the system ends a process with that has used up its time."""


class NotStarted(RuntimeError):
    """The process that unpacks PDF did not come to look at the file: something is wrong here, and not with it."""


def is_pdf(file: IO[bytes]) -> bool:
    """Tell whether readers would take the file for a PDF. :raises OSError: if the disk does not give it."""
    file.seek(0)
    return _MARK in file.read(_HEAD)


def unpack_pdf(file: IO[bytes], facts: ImageFacts) -> ImageFacts:
    """Unpack all pages of a PDF, and the images in them; return ``facts`` with what was found.

    :param file: has a descriptor.
    :raises OSError: if the disk does not give it, or the process cannot be started.
    :raises NotStarted: if the process ends before it has looked at it.
    """
    if problem := _ending_problem(file, facts.size):
        return replace(facts, pixel_problem=problem)
    seconds = _SECONDS + facts.size // _BYTES_PER_SECOND
    for memory in _MEMORY:
        with ROOM.take(memory):
            found = _run(file, memory, seconds)
        if "too_large" not in found:
            break
    if "too_large" in found:
        return replace(facts, is_too_large=True, given_up=found["too_large"])
    if "too_long" in found:
        return replace(facts, given_up=found["too_long"])
    if "locked" in found:
        return replace(facts, problem=found["locked"])
    return replace(facts, pixel_problem=found.get("damaged"))


def _ending_problem(file: IO[bytes], size: int) -> str | None:
    """Return what is wrong with the end of a PDF, ``None`` if nothing is: PDFium makes up for what is missing."""
    file.seek(0)
    head = file.read(_HEAD).index(_MARK)
    file.seek(max(0, size - _TAIL))
    endings = _ENDING.findall(file.read(_TAIL))
    if not endings:
        return "its end is missing"
    place = int(endings[-1])
    for start in {place, place + head}:  # some count from the beginning of the file
        if 0 < start < size:
            file.seek(start)
            if _REFERENCES.match(file.read(_SOME)):
                return None
    return "the table that its end refers to is missing"


def _run(file: IO[bytes], memory: int, seconds: int) -> dict[str, str]:
    """Run the process on the file; return one thing: what it found, or what became of it.

    :param memory: the bytes that it may take.
    :param seconds: the processor time that it may take.
    """
    command = [sys.executable, "-P", "-m", "ao_workflows.audit.images.pdf_process", str(memory), str(seconds)]
    environment = {  # no secrets
        name: value for name, value in os.environ.items() if name in _KEPT or name.startswith("PYTHON")
    }
    out_of_time = threading.Event()
    with subprocess.Popen(
        command, stdin=file, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment
    ) as process:

        def end() -> None:
            out_of_time.set()
            process.kill()

        timer = threading.Timer(seconds * _WAITING, end)
        timer.daemon = True
        timer.start()
        try:
            said = _said(process)
        finally:
            timer.cancel()
            process.kill()
    ready, _, answer = said.partition(b"\n")
    if out_of_time.is_set() or process.returncode == -_OUT_OF_TIME:
        return {"too_long": f"takes more than {seconds} seconds to be unpacked"}
    if ready != READY:
        raise NotStarted(f"the process that unpacks PDF did not start ({_end_of(process)})")
    if process.returncode == -_OUT_OF_MEMORY:
        return {"too_large": f"takes more than {memory >> 20} MB of memory to be unpacked"}
    if process.returncode != 0:
        return {"damaged": f"what unpacks it broke down over it ({_end_of(process)})"}
    return _read(answer)


def _said(process: subprocess.Popen[bytes]) -> bytes:
    """Return what the process says until it ends, or has said too much."""
    if process.stdout is None:
        raise ValueError("it has no output")
    said = process.stdout.read(_MOST_SAID)
    process.stdout.close()
    process.wait()
    return said


def _read(answer: bytes) -> dict[str, str]:
    """Return what a process found that came to its end.

    :raises OSError: if it says that the disk did not give the file.
    """
    try:
        found: Any = json.loads(answer)
        ((key, value),) = found.items()
    except (ValueError, AttributeError):
        return {"damaged": "what unpacks it broke down over it (and said nothing)"}
    if key == "errno":
        raise OSError(int(value), os.strerror(int(value)))
    return {str(key): str(value)}


def _end_of(process: subprocess.Popen[bytes]) -> str:
    code = process.returncode
    return signal.Signals(-code).name if code < 0 else f"exit code {code}"
