"""The rule for names of web images, against one that reads a name character by character."""

import tempfile
from pathlib import Path

from hypothesis import example, given, settings
from hypothesis import strategies as st

from ao_workflows.audit import run_audit

GROUP_ID = "I1KG2"
GROUP = f"images/W1KG1-{GROUP_ID}"
UPPER, LOWER, DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz", "0123456789"

# Names are put together from parts that are right, or nearly right: a random text would hardly ever be near a border.
NAMES = st.tuples(
    st.sampled_from([GROUP_ID, "i1kg2", "I1kG2", "I1KG", "I1KG20", "I1\u212aG2", "W1KG1-I1KG2", "x", ""]),
    st.sampled_from(["", "", "-", "_", "--", "-_", " ", "."]),
    st.sampled_from(["0001", "0002", "9999", "001", "00001", "", "\u0f20001", "000\u0663"]),
    st.sampled_from([".", ".", "", "..", "-"]),
    st.text(st.sampled_from("jpgTIF2\u017f\u0131 .-\n"), max_size=4),
).map("".join)


def is_right_by_hand(name: str) -> bool:
    """Take the id, one mark at most, four digits and a dot off the name's front; letters and digits may be left."""
    front, rest = name[: len(GROUP_ID)], name[len(GROUP_ID) :]
    if "".join(UPPER[LOWER.index(letter)] if letter in LOWER else letter for letter in front) != GROUP_ID:
        return False
    if rest[:1] in {"-", "_"}:
        rest = rest[1:]
    digits, dot, extension = rest[:4], rest[4:5], rest[5:]
    if len(digits) < 4 or dot != "." or not extension:
        return False
    return all(digit in DIGITS for digit in digits) and all(sign in UPPER + LOWER + DIGITS for sign in extension)


@settings(max_examples=150, deadline=None)
@given(st.lists(NAMES.filter(lambda name: name and not name.startswith(".")), min_size=1, max_size=8, unique=True))
@example([f"{GROUP_ID}0001.jpg", "i1kg2-0002.JPG", "I1KG2_0003.tif"])
@example([f"{GROUP_ID}00001.jpg", f"{GROUP_ID}001.jpg", f"{GROUP_ID}0001"])
@example(["I1\u212aG20001.jpg", f"{GROUP_ID}0002.\u017f", f"{GROUP_ID}--0003.jpg", f"{GROUP_ID}0004.jpg\n"])
def test_the_names_that_are_found_are_those_that_reading_them_sign_by_sign_finds(names: list[str]):
    with tempfile.TemporaryDirectory() as folder:
        group = Path(folder) / "W1KG1" / GROUP
        group.mkdir(parents=True)
        for name in names:
            (group / name).write_bytes(b"x")
        findings = run_audit(Path(folder) / "W1KG1", tests=["ImageFileNameFormat"]).findings
    expected = sorted(f"{GROUP}/{name}" for name in names if not is_right_by_hand(name))
    assert sorted(finding.path for finding in findings if finding.test == "ImageFileNameFormat") == expected
    assert {finding.error for finding in findings} <= {119}
