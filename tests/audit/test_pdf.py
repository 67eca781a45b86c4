"""PDF in ImageIntegrity: whole ones pass; what is cut off, damaged, locked or hostile is found, and breaks nothing."""

import os
import signal
import subprocess
import sys
import threading
import time
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from ao_workflows.audit import AuditReport, AuditUnreadable, run_audit
from ao_workflows.audit.images import look_at
from fixtures.images import jpeg, tiff
from fixtures.pdfs import (
    SLOW,
    bomb,
    damaged,
    grey,
    locked,
    one_page,
    packed,
    pages,
    picture,
    scanned,
    stream,
)

NOISE = Image.effect_noise((600, 800), 50)
JPEG, JPEG_2000 = packed(NOISE, "JPEG"), packed(NOISE, "JPEG2000")
FLATE = zlib.compress(NOISE.tobytes())
STREAMS = {"DCTDecode": JPEG, "JPXDecode": JPEG_2000, "FlateDecode": FLATE}


@pytest.fixture
def audit(tmp_path: Path):
    """Return a function that audits a work whose masters have these names and contents."""

    def run(files: dict[str, bytes]) -> AuditReport:
        for folder, contents in (("archive", files), ("images", {"08860001.jpg": jpeg("page")})):
            place = tmp_path / "W22084" / folder / "W22084-0886"
            place.mkdir(parents=True, exist_ok=True)
            for name, content in contents.items():
                (place / name).write_bytes(content)
        return run_audit(tmp_path / "W22084", tests=["ImageIntegrity"], jobs=2)

    return run


@pytest.fixture
def errors(audit):
    """Return a function that tells the errors of one PDF, and the message of the last."""

    def run(content: bytes, name: str = "08860001.pdf") -> tuple[list[int], str]:
        findings = audit({name: content}).findings
        return [finding.error for finding in findings], findings[-1].message if findings else ""

    return run


@pytest.fixture
def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Return a function that has a shell script run in place of the process that unpacks PDF."""

    def put(script: str) -> None:
        path = tmp_path / "python"
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
        monkeypatch.setattr(sys, "executable", str(path))

    return put


@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK", "1"])
@pytest.mark.parametrize("count", [1, 12])
def test_a_whole_pdf_of_scans_passes(count: int, mode: str, errors):
    assert errors(scanned(count, mode=mode)) == ([], "")


@pytest.mark.parametrize("kind", STREAMS)
def test_a_whole_pdf_passes_however_its_images_are_packed(kind: str, errors):
    assert errors(one_page(picture(STREAMS[kind], kind, NOISE.size))) == ([], "")


def test_a_jpeg_that_is_packed_once_more_is_unpacked_twice(errors):
    def twice(image: bytes) -> bytes:
        return one_page(
            picture(zlib.compress(image), "X", NOISE.size).replace(b"/Filter/X", b"/Filter[/FlateDecode/DCTDecode]")
        )

    assert errors(twice(JPEG)) == ([], "")
    assert errors(twice(JPEG[:-3000]))[0] == [120]


def test_what_stands_before_a_pdf_does_no_harm(errors):
    assert errors(b"\n" * 1000 + one_page()) == ([], "")


def test_what_stands_after_a_pdf_does_no_harm(errors):
    assert errors(one_page() + bytes(900)) == ([], "")


@pytest.mark.parametrize("share", [0.01, 0.5, 0.9, 0.99])
@pytest.mark.parametrize("count", [1, 12])
def test_a_pdf_that_is_cut_off_is_found(count: int, share: float, errors):
    content = scanned(count)
    found, message = errors(content[: int(len(content) * share)])
    assert found == [120]
    assert message == "'08860001.pdf' cannot be unpacked completely: its end is missing."


@pytest.mark.parametrize("lost", [2, 6, 8, 30])
def test_a_pdf_that_lacks_its_last_bytes_is_found(lost: int, errors):
    assert errors(one_page()[:-lost])[0] == [120]


def test_an_end_that_refers_to_nothing_is_found(errors):
    for place in (b"0", b"5", b"400", b"99999"):
        before, _, _ = one_page().rpartition(b"startxref")
        found, message = errors(before + b"startxref\n" + place + b"\n%%EOF\n")
        assert (found, message.endswith("the table that its end refers to is missing.")) == ([120], True)


def test_a_table_that_does_not_lead_to_the_objects_is_found(errors):
    content = one_page()
    table = content.index(b"00000 n")
    assert errors(content[: table - 11] + b"0000000400" + content[table - 1 :])[0] == [120]


@pytest.mark.parametrize("kind", STREAMS)
@pytest.mark.parametrize("share", [0.1, 0.5, 0.99])
def test_an_image_that_is_cut_off_in_a_whole_pdf_is_found(kind: str, share: float, errors):
    content = STREAMS[kind]
    found, message = errors(one_page(picture(content[: int(len(content) * share)], kind, NOISE.size)))
    assert found == [120]
    assert message.startswith("'08860001.pdf' cannot be unpacked completely: on page 1, an image is cut off")


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_zeros_within_an_image_that_is_packed_by_flate_are_found(share: float, errors):
    found, message = errors(one_page(picture(damaged(FLATE, share, 5000), "FlateDecode", NOISE.size)))
    assert (found, message.endswith("on page 1, an image is damaged.")) == ([120], True)


@pytest.mark.parametrize(("kind", "suffix"), [("DCTDecode", "jpg"), ("JPXDecode", "jp2")])
def test_zeros_within_a_jpeg_pass_as_they_do_in_a_file_of_its_own(kind: str, suffix: str, errors):
    zeros = damaged(STREAMS[kind], 0.5, 5000)
    assert errors(zeros, f"08860001.{suffix}")[0] == []
    assert errors(one_page(picture(zeros, kind, NOISE.size)))[0] == []


def test_damage_on_the_last_page_is_found_and_its_number_told(errors):
    content = scanned(12)
    start = content.rindex(b"\xff\xd8\xff")
    found, message = errors(content[:start] + bytes(20) + content[start + 20 :])
    assert found == [120]
    assert "on page 12, an image has not the content of a JPEG" in message


@pytest.mark.parametrize("kind", ["DCTDecode", "JPXDecode", "FlateDecode"])
def test_an_image_of_other_content_is_found(kind: str, errors):
    assert errors(one_page(picture(b"no image at all", kind)))[0] == [120]


def test_a_pdf_with_a_password_says_that_it_is_locked(errors):
    sentence = "'08860001.pdf' is protected by a password and cannot be unpacked without it."
    assert errors(locked()) == ([121], sentence)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (one_page(kids=b"", count=0), ([120], "it has no pages.")),
        (one_page(kids=b"2 0 R", count=3), ([120], "on page 1, there is nothing that can be read.")),
        (one_page(kids=b"3 0 R 2 0 R", count=3), ([120], "on page 2, there is nothing that can be read.")),
        (one_page(count=2), ([120], "on page 2, there is nothing that can be read.")),
        (one_page(count=100_000), ([123], "'08860001.pdf' has 100,000 pages, too many to be looked at.")),
        (b"", ([121], "'08860001.pdf' is empty.")),
        (b"%PDF-1.7\n", ([120], "its end is missing.")),
        (b" " * 1020 + b"%PDF-1.7", ([121], "'08860001.pdf' has not the content of an image or a PDF.")),
    ],
    ids=["no pages", "a loop", "a page and a loop", "one too few", "100,000", "empty", "a mark", "a mark too late"],
)
def test_pages_that_are_not_there_are_found(content: bytes, expected: tuple[list[int], str], errors):
    found, message = errors(content)
    assert (found, message[-len(expected[1]) :]) == expected


@pytest.mark.parametrize("box", [b"0 0 10000000 10000000", b"0 0 10000000 1", b"0 0 0 0", b"5 5 -7 1e30"])
def test_a_page_of_any_size_is_drawn_small(box: bytes, errors):
    before = time.monotonic()
    assert errors(one_page(box=box)) == ([], "")
    assert time.monotonic() - before < 10


def test_an_image_that_claims_to_be_vast_is_told_and_not_tried(errors):
    found, message = errors(one_page(picture(zlib.compress(grey()), "FlateDecode", (60_000, 60_000))))
    assert found == [123]
    assert message == "'08860001.pdf' has on page 1 an image of 60,000 by 60,000 pixels, too many to be unpacked."


def test_a_jpeg_2000_that_takes_too_much_memory_is_told(errors):
    large = packed(Image.new("RGB", (5000, 5000)), "JPEG2000")
    found, message = errors(one_page(picture(large, "JPXDecode", (5000, 5000))))
    assert found == [123]
    assert "an image of 5,000 by 5,000 pixels" in message


def test_what_swells_in_an_image_is_found_and_not_unpacked(errors):
    before = time.monotonic()
    assert errors(one_page(picture(bomb(600 << 20), "FlateDecode")))[0] == [120]
    assert time.monotonic() - before < 10


def test_a_page_that_swells_takes_no_more_memory_than_there_is(errors):
    found, message = errors(one_page(content=stream(bomb(600 << 20), b"/Filter/FlateDecode")))
    assert (found, message) == ([123], "'08860001.pdf' takes more than 416 MB of memory to be unpacked.")


def test_a_pdf_that_takes_half_of_the_memory_or_more_is_unpacked(errors):
    side = 9000
    content = zlib.compress(bytes(side * side * 3), 1)
    image = picture(content, "FlateDecode", (side, side)).replace(b"/DeviceGray", b"/DeviceRGB")
    assert errors(one_page(image)) == ([], "")


def test_a_pdf_that_takes_too_long_is_given_up(errors, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("ao_workflows.audit.images.pdf._SECONDS", 1)
    monkeypatch.setattr("ao_workflows.audit.images.pdf._BYTES_PER_SECOND", 1 << 30)
    monkeypatch.setattr("ao_workflows.audit.images.pdf._WAITING", 100)  # only its processor time is bounded
    before = time.monotonic()
    assert errors(pages(50, SLOW)) == ([123], "'08860001.pdf' takes more than 1 seconds to be unpacked.")
    assert time.monotonic() - before < 20


def test_a_process_that_hangs_is_ended_by_the_clock(errors, stand_in, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("ao_workflows.audit.images.pdf._SECONDS", 1)
    stand_in("echo ready; exec sleep 100")
    assert errors(one_page())[0] == [123]


@pytest.mark.parametrize(
    ("script", "error", "words"),
    [
        ("echo ready; kill -SEGV $$", 120, "what unpacks it broke down over it (SIGSEGV)"),
        ("echo ready; kill -KILL $$", 120, "what unpacks it broke down over it (SIGKILL)"),
        ("echo ready; kill -ABRT $$", 123, "takes more than 416 MB of memory"),
        ("echo ready; exit 1", 120, "what unpacks it broke down over it (exit code 1)"),
        ("echo ready", 120, "said nothing"),
        ("echo ready; echo [1, 2", 120, "said nothing"),
        ("echo ready; echo {}", 120, "said nothing"),
        ("echo ready; exec yes", 120, "SIGPIPE"),
        ("echo 'no such module' >&2; exit 1", 100, "NotStarted"),
    ],
)
def test_a_process_that_ends_in_whatever_way_is_a_finding(script: str, error: int, words: str, errors, stand_in):
    stand_in(script)
    found, message = errors(one_page())
    assert found == [error]
    assert words in message


def test_a_disk_that_does_not_give_the_file_is_no_fault_of_it(audit, stand_in):
    stand_in("""echo ready; echo '{"errno": 5}' """)
    with pytest.raises(AuditUnreadable, match="Input/output error"):
        audit({"08860001.pdf": one_page()})


def test_no_secret_is_handed_to_the_process(errors, stand_in, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    stand_in(f"env > {tmp_path}/env; echo ready; echo '{{\"pages\": 1}}'")
    assert errors(one_page())[0] == []
    assert "secret" not in (tmp_path / "env").read_text()


def test_names_that_say_another_type_are_warnings(audit):
    report = audit({"08860001.jpg": scanned(), "08860002.pdf": jpeg("x"), "08860003.PDF": scanned(2)})
    found = [(finding.error, finding.severity, finding.path.rpartition("/")[2]) for finding in report.findings]
    assert found == [(122, "warning", "08860001.jpg"), (122, "warning", "08860002.pdf")]


def test_a_picture_that_speaks_of_pdf_is_a_picture(errors):
    assert errors(tiff("%PDF-1.7"), "08860001.tif") == ([], "")
    assert errors(jpeg("%PDF-1.7"), "08860001.jpg") == ([], "")


def test_headers_alone_take_no_process(stand_in, tmp_path: Path):
    stand_in("exit 1")
    (tmp_path / "1.pdf").write_bytes(one_page())
    facts = look_at(tmp_path / "1.pdf")
    assert (facts.format, facts.width, facts.pixel_problem) == ("PDF", 0, None)


def children_of(pid: int) -> Iterator[int]:
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        yield from map(int, path.read_text().split())


def one_child_of(pid: int) -> int:
    """Return the process that unpacks a PDF, as soon as it is at work."""
    for _ in range(1000):
        for child in children_of(pid):
            if b"pdf_process" in Path(f"/proc/{child}/cmdline").read_bytes():
                return child
        time.sleep(0.02)
    raise AssertionError("no process was started")


def is_there(pid: int) -> bool:
    try:
        return ") Z " not in Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False


def test_a_process_that_is_killed_is_a_finding(errors):
    def kill() -> None:
        child = one_child_of(os.getpid())
        time.sleep(2)
        os.kill(child, signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    found, message = errors(pages(50, SLOW))
    killer.join()
    assert (found, "(SIGKILL)" in message) == ([120], True)


def test_no_process_is_left_when_the_audit_is_killed(tmp_path: Path):
    (tmp_path / "1.pdf").write_bytes(pages(50, SLOW))
    code = "import sys; from pathlib import Path; from ao_workflows.audit.images import look_at; "
    code += "look_at(Path(sys.argv[1]), with_pixels=True)"
    with subprocess.Popen([sys.executable, "-c", code, tmp_path / "1.pdf"]) as audit:
        child = one_child_of(audit.pid)
        time.sleep(2)
        assert is_there(child)
        audit.kill()
    for _ in range(100):
        if not is_there(child):
            return
        time.sleep(0.05)
    raise AssertionError("it is still there")
