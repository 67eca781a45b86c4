"""What makes a bag valid, by RFC 8493 and the drafts before it; the same for a bag in a zip and in a folder."""

import hashlib
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

import bagit
import pytest

from ao_workflows.bags import BagReport, folder_bytes, verify, verify_folder
from ao_workflows.storage import open_local_source
from bags.corpus import bag_of, manifest_of, zip_files

Check = Callable[[Mapping[str, bytes]], BagReport]

ONE, TWO = "images/W22084-0001/00010001.jpg", "images/W22084-0001/00010002.jpg"
PAYLOAD = {ONE: b"first page", TWO: b"second page"}


@pytest.fixture
def check(tmp_path: Path) -> Check:
    """Verify the files of a bag in a folder and in a zip; both have to say the same."""

    def run(files: Mapping[str, bytes]) -> BagReport:
        folder = Path(tempfile.mkdtemp(dir=tmp_path)) / "W22084.bag"
        for path, content in files.items():
            if path.endswith("/"):
                (folder / path).mkdir(parents=True, exist_ok=True)
                continue
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(content)
        zipped = zip_files(tmp_path / "bag.zip", files, "W22084.bag/")
        in_zip = verify(open_local_source(zipped)).bags[0]
        in_folder = verify_folder(folder).bags[0]
        assert sorted(map(str, in_folder.errors)) == sorted(map(str, in_zip.errors))
        assert sorted(map(str, in_folder.warnings)) == sorted(map(str, in_zip.warnings))
        return in_zip

    return run


def errors(report: BagReport) -> list[tuple[str, str]]:
    return sorted((error.code, error.path) for error in report.errors)


def warnings(report: BagReport) -> list[tuple[str, str]]:
    return sorted((warning.code, warning.path) for warning in report.warnings)


@pytest.mark.parametrize("version", ["0.93", "0.94", "0.95", "0.96", "0.97", "1.0"])
def test_every_version_is_valid(version: str, check: Check):
    report = check(bag_of(PAYLOAD, version=version, tag_manifests=["sha512"]))
    assert (errors(report), report.version, report.files, report.bytes) == ([], version, 2, 21)


@pytest.mark.parametrize("version", ["0.92", "1.1", "2.0", "x", ""])
def test_another_version_is_an_error(version: str, check: Check):
    assert ("bag-version-unsupported", "bagit.txt") in errors(check(bag_of(PAYLOAD, version=version)))


@pytest.mark.parametrize(
    ("name", "digest"),
    [
        ("md5", "md5"),
        ("sha1", "sha1"),
        ("sha224", "sha224"),
        ("sha256", "sha256"),
        ("sha384", "sha384"),
        ("sha512", "sha512"),
        ("sha3-224", "sha3_224"),
        ("sha3256", "sha3_256"),
        ("sha3_384", "sha3_384"),
        ("SHA3-512", "sha3_512"),
        ("blake2b", "blake2b"),
        ("blake2b-512", "blake2b"),
        ("SHA-256", "sha256"),
    ],
)
def test_every_algorithm_is_checked(name: str, digest: str, check: Check):
    bag = bag_of(PAYLOAD, algorithms=[])
    listed = {path: content for path, content in bag.items() if path.startswith("data/")}
    bag[f"manifest-{name}.txt"] = manifest_of(listed, digest).encode()
    report = check(bag)
    assert errors(report) == []
    weak = [("manifest-algorithm-weak", f"manifest-{name}.txt")] if name in {"md5", "sha1"} else []
    assert warnings(report) == weak
    report = check(bag | {f"data/{ONE}": b"First page"})
    assert errors(report) == [("checksum-mismatch", f"data/{ONE}")]
    assert report.errors[0].expected == hashlib.new(digest, b"first page").hexdigest()
    assert report.errors[0].found == hashlib.new(digest, b"First page").hexdigest()


def test_upper_case_checksums_are_right(check: Check):
    bag = bag_of(PAYLOAD, algorithms=[])
    lines = [f"{hashlib.sha256(content).hexdigest().upper()} \t data/{path}\r\n" for path, content in PAYLOAD.items()]
    bag["manifest-sha256.txt"] = "".join(lines).encode()
    assert errors(check(bag)) == []


def test_an_unknown_algorithm_is_named(check: Check):
    bag = bag_of(PAYLOAD) | {"manifest-whirlpool.txt": f"00ff  data/{ONE}\n00ff  data/{TWO}\n".encode()}
    report = check(bag)
    assert errors(report) == []
    assert warnings(report) == [("manifest-algorithm-unknown", "manifest-whirlpool.txt")]
    assert "whirlpool" in report.warnings[0].message
    del bag["manifest-sha512.txt"]
    assert errors(check(bag)) == [("manifest-algorithm-unknown", "manifest-whirlpool.txt")]


def test_a_bag_without_manifest_is_not_valid(check: Check):
    report = check(bag_of(PAYLOAD, algorithms=[]))
    assert errors(report) == [("bag-manifest-missing", "")]
    assert not report.complete


def test_an_empty_manifest_over_files_is_not_valid(check: Check):
    report = check(bag_of(PAYLOAD) | {"manifest-sha512.txt": b""})
    assert errors(report) == [("file-not-in-manifest", f"data/{ONE}"), ("file-not-in-manifest", f"data/{TWO}")]


def test_a_tag_manifest_alone_proves_nothing(check: Check):
    report = check(bag_of(PAYLOAD, algorithms=[], tag_manifests=["sha512"]))
    assert errors(report) == [("bag-manifest-missing", "")]


def test_a_bag_without_payload_folder_is_not_valid(check: Check):
    assert errors(check({"bagit.txt": bag_of({})["bagit.txt"], "manifest-sha512.txt": b""})) == [
        ("bag-payload-missing", "data/")
    ]


def test_an_empty_bag_is_valid_with_a_warning(check: Check):
    report = check({**bag_of({}), "data/": b""})
    assert (errors(report), warnings(report)) == ([], [("bag-empty", "data/")])


def test_a_missing_file_makes_the_bag_incomplete(check: Check):
    bag = bag_of(PAYLOAD)
    del bag[f"data/{TWO}"]
    report = check(bag)
    assert errors(report) == [("file-missing", f"data/{TWO}")]
    assert not report.complete


def test_an_extra_file_makes_the_bag_incomplete(check: Check):
    report = check(bag_of(PAYLOAD) | {"data/images/extra.jpg": b"extra"})
    assert errors(report) == [("file-not-in-manifest", "data/images/extra.jpg")]
    assert not report.complete


def test_a_flipped_byte_leaves_the_bag_complete_and_not_valid(check: Check):
    report = check(bag_of(PAYLOAD) | {f"data/{ONE}": b"firsT page"})
    assert errors(report) == [("checksum-mismatch", f"data/{ONE}")]
    assert report.complete
    assert not report.valid


def test_a_file_that_only_one_of_two_manifests_lists_depends_on_the_version(check: Check):
    listed = {f"data/{path}": content for path, content in PAYLOAD.items()}
    del listed[f"data/{TWO}"]
    for version, expected in (("1.0", [("file-not-in-manifest", f"data/{TWO}")]), ("0.97", [])):
        bag = bag_of(PAYLOAD, version=version, algorithms=["sha512"])
        bag["manifest-sha256.txt"] = manifest_of(listed, "sha256").encode()
        assert errors(check(bag)) == expected


def test_all_manifests_are_checked_not_only_the_best(check: Check):
    bag = bag_of(PAYLOAD, algorithms=["sha512", "sha256", "md5"])
    bag["manifest-md5.txt"] = f"{'00' * 16}  data/{ONE}\n{'00' * 16}  data/{TWO}\n".encode()
    report = check(bag)
    assert errors(report) == [("checksum-mismatch", f"data/{ONE}"), ("checksum-mismatch", f"data/{TWO}")]
    assert all("manifest-md5.txt" in error.message for error in report.errors)


@pytest.mark.parametrize("oxum", ["21.2", " 21.2 "])
def test_a_right_oxum_is_right(oxum: str, check: Check):
    assert errors(check(bag_of(PAYLOAD, info=f"Payload-Oxum: {oxum}\n"))) == []


@pytest.mark.parametrize("oxum", ["22.2", "21.3"])
def test_a_wrong_oxum_is_an_error_with_both_sides(oxum: str, check: Check):
    report = check(bag_of(PAYLOAD, info=f"Payload-Oxum: {oxum}\n"))
    assert errors(report) == [("payload-oxum-mismatch", "bag-info.txt")]
    assert (report.errors[0].expected, report.errors[0].found) == (oxum, "21.2")


@pytest.mark.parametrize("oxum", ["21", "21.2.3", "many.2", "-21.2", "\u0662\u0661.2"])
def test_an_oxum_that_is_none_is_an_error(oxum: str, check: Check):
    assert errors(check(bag_of(PAYLOAD, info=f"Payload-Oxum: {oxum}\n"))) == [("payload-oxum-invalid", "bag-info.txt")]


def test_two_oxums_are_an_error(check: Check):
    report = check(bag_of(PAYLOAD, info="Payload-Oxum: 21.2\nPayload-Oxum: 21.2\n"))
    assert errors(report) == [("payload-oxum-repeated", "bag-info.txt")]


def test_metadata_may_be_long_repeated_and_in_any_order(check: Check):
    info = "Contact: one\nContact: two\nNote: begins\n  and goes on\n\tand on\nempty:\npayload-OXUM: 21.2\n"
    assert errors(check(bag_of(PAYLOAD, info=info))) == []


def test_a_metadata_line_that_is_none_is_an_error(check: Check):
    assert errors(check(bag_of(PAYLOAD, info="no label\n"))) == [("bag-info-invalid", "bag-info.txt")]


def test_older_drafts_call_the_metadata_package_info(check: Check):
    bag = bag_of(PAYLOAD, version="0.95", tags={"package-info.txt": b"Payload-Oxum: 1.1\n"})
    assert errors(check(bag)) == [("payload-oxum-mismatch", "package-info.txt")]


def test_a_bag_of_another_work_than_its_name_says_is_an_error(tmp_path: Path):
    bag = bag_of(PAYLOAD, info="BDRC-RID: W1AC6\n")
    report = verify(open_local_source(zip_files(tmp_path / "x.zip", bag, "W22084.bag/"))).bags[0]
    (error,) = report.errors
    assert (error.code, error.path, error.expected, error.found) == (
        "bag-rid-differs",
        "bag-info.txt",
        "W22084",
        "W1AC6",
    )
    assert "see which work it is" in error.message


def test_the_rid_in_the_metadata_may_be_that_of_the_name(tmp_path: Path):
    bag = bag_of(PAYLOAD, info="bdrc-rid: W22084\n")
    assert verify(open_local_source(zip_files(tmp_path / "x.zip", bag, "W22084.bag/"))).valid


def test_tag_files_in_other_encodings_are_read(check: Check):
    payload = {"images/caf\xe9.jpg": b"page"}
    for encoding in ("ISO-8859-1", "UTF-16", "UTF-8"):
        bag = bag_of(payload, encoding=encoding, info="Contact: Ren\xe9\n", tag_manifests=["sha256"])
        assert errors(check(bag)) == []


@pytest.mark.parametrize("encoding", ["no-such", "zip", "rot13", "hex", "idna", "punycode", ""])
def test_an_unknown_encoding_is_an_error(encoding: str, check: Check):
    bag = bag_of(PAYLOAD)
    bag["bagit.txt"] = f"BagIt-Version: 1.0\nTag-File-Character-Encoding: {encoding}\n".encode()
    assert ("bag-encoding-unknown", "bagit.txt") in errors(check(bag))


@pytest.mark.parametrize("encoding", ["UTF-16", "UTF-32"])
def test_tag_files_without_the_byte_order_mark_of_their_encoding_are_errors(encoding: str, check: Check):
    bag = bag_of(PAYLOAD, info="Contact: one\n", tag_manifests=["sha512"])
    bag |= {"fetch.txt": b"http://localhost/ 1 data/x\n"}
    bag["bagit.txt"] = f"BagIt-Version: 1.0\nTag-File-Character-Encoding: {encoding}\n".encode()
    files = ("bag-info.txt", "fetch.txt", "manifest-sha512.txt", "tagmanifest-sha512.txt")
    assert {("tag-file-encoding", file) for file in files} <= set(errors(check(bag)))


def test_a_manifest_in_another_encoding_than_declared_is_an_error(check: Check):
    bag = bag_of({"images/caf\xe9.jpg": b"page"})
    bag["manifest-sha512.txt"] = bag["manifest-sha512.txt"].decode().encode("latin-1")
    assert ("tag-file-encoding", "manifest-sha512.txt") in errors(check(bag))


@pytest.mark.parametrize(
    "text",
    [
        b"\xef\xbb\xbfBagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n",
        b"Tag-File-Character-Encoding: UTF-8\nBagIt-Version: 1.0\n",
        b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\nMore: of it\n",
        b"BagIt-Version : 1.0\nTag-File-Character-Encoding: UTF-8\n",
        b"\xff",
        b"x" * 100_000,
    ],
)
def test_a_declaration_that_is_not_as_it_must_be_is_an_error(text: bytes, check: Check):
    assert "bag-declaration-invalid" in {code for code, _ in errors(check(bag_of(PAYLOAD) | {"bagit.txt": text}))}


def test_older_declarations_may_be_written_loosely(check: Check):
    bag = bag_of(PAYLOAD) | {"bagit.txt": b"BagIt-Version : 0.97\r\nTag-File-Character-Encoding:UTF-8"}
    assert errors(check(bag)) == []


@pytest.mark.parametrize(
    "path",
    [
        "../evil",
        "data/../../evil",
        "/etc/passwd",
        "~/evil",
        "~root/evil",
        "C:/evil",
        "C:\\evil",
        "\\\\server\\evil",
        "data\\..\\evil",
        "data/%0A/../../evil",
        "data//evil",
        "data/./evil",
        "data/a\0b",
    ],
)
def test_a_path_that_leaves_the_bag_is_an_error_in_every_list(path: str, check: Check):
    for file in ("manifest-sha512.txt", "tagmanifest-sha512.txt"):
        bag = bag_of(PAYLOAD, tag_manifests=["sha512"])
        bag[file] += f"{'00' * 64}  {path}\n".encode()
        assert "manifest-path-unsafe" in {code for code, _ in errors(check(bag))}
    bag = bag_of(PAYLOAD, tag_manifests=["sha512"]) | {"fetch.txt": f"http://example.org/x 1 {path}\n".encode()}
    assert [code for code, _ in errors(check(bag))] == ["manifest-path-unsafe"]


def test_a_manifest_lists_payload_and_a_tag_manifest_does_not(check: Check):
    bag = bag_of(PAYLOAD, tag_manifests=["sha512"])
    bag["manifest-sha512.txt"] += f"{'00' * 64}  bagit.txt\n".encode()
    assert ("manifest-path-misplaced", "bagit.txt") in errors(check(bag))
    bag = bag_of(PAYLOAD, tag_manifests=["sha512"])
    bag["tagmanifest-sha512.txt"] += f"{'00' * 64}  data/{ONE}\n".encode()
    assert errors(check(bag)) == [("manifest-path-misplaced", f"data/{ONE}")]


@pytest.mark.parametrize(
    "line", ["nonsense", "00ff  data/x", "zz" * 64 + "  data/x", "# a comment", "\u0660\u0660" * 64 + "  data/x"]
)
def test_a_line_that_is_no_checksum_and_path_is_an_error(line: str, check: Check):
    bag = bag_of(PAYLOAD)
    bag["manifest-sha512.txt"] += line.encode() + b"\n"
    assert errors(check(bag)) == [("manifest-line-invalid", "manifest-sha512.txt")]


def test_a_line_without_end_does_not_fill_the_memory(check: Check):
    bag = bag_of(PAYLOAD)
    bag["manifest-sha512.txt"] += b"0" * 10_000_000
    assert errors(check(bag)) == [("manifest-line-invalid", "manifest-sha512.txt")]


@pytest.mark.parametrize(("version", "code"), [("1.0", "error"), ("0.97", "warning")])
def test_a_path_listed_twice_with_the_same_checksum(version: str, code: str, check: Check):
    bag = bag_of(PAYLOAD, version=version)
    bag["manifest-sha512.txt"] += bag["manifest-sha512.txt"].splitlines(keepends=True)[0]
    report = check(bag)
    repeated = [("manifest-path-repeated", f"data/{ONE}")]
    assert (errors(report), warnings(report)) == ((repeated, []) if code == "error" else ([], repeated))


def test_a_path_listed_twice_with_two_checksums_is_an_error(check: Check):
    bag = bag_of(PAYLOAD, version="0.97")
    bag["manifest-sha512.txt"] += f"{'00' * 64}  data/{ONE}\n".encode()
    assert ("manifest-path-repeated", f"data/{ONE}") in errors(check(bag))


def test_what_checksum_tools_write_is_a_warning(check: Check):
    for before, code in (("*", "manifest-asterisk"), ("./", "manifest-dot-slash")):
        bag = bag_of(PAYLOAD)
        bag["manifest-sha512.txt"] = bag["manifest-sha512.txt"].replace(b"  data/", f"  {before}data/".encode())
        report = check(bag)
        assert (errors(report), warnings(report)) == ([], [(code, "manifest-sha512.txt")])


def test_percent_signs_are_read_by_the_version(check: Check):
    payload = {"images/100%25.jpg": b"a", "images/50%.jpg": b"b"}
    assert errors(check(bag_of(payload, version="0.97"))) == []
    bag = bag_of(payload)
    bag["manifest-sha512.txt"] = bag["manifest-sha512.txt"].replace(b"%", b"%25")
    report = check(bag)
    assert (errors(report), warnings(report)) == ([], [])


def test_a_bare_percent_sign_in_version_1_is_a_warning(check: Check):
    report = check(bag_of({"images/100%25.jpg": b"a"}))
    assert (errors(report), warnings(report)) == ([], [("manifest-percent-plain", "manifest-sha512.txt")])


@pytest.mark.parametrize("version", ["0.97", "1.0"])
def test_line_breaks_in_names_are_encoded(version: str, tmp_path: Path):
    folder = tmp_path / "bag"
    bag = bag_of({"a\nb\rc": b"x"}, version=version)
    bag["manifest-sha512.txt"] = f"{hashlib.sha512(b'x').hexdigest()}  data/a%0Ab%0dc\n".encode()
    for path, content in bag.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    assert verify_folder(folder).valid


def test_names_normalized_in_another_way_are_found_with_a_warning(check: Check):
    bag = bag_of({"images/cafe\u0301.jpg": b"page"})
    bag["manifest-sha512.txt"] = bag["manifest-sha512.txt"].decode().replace("e\u0301", "\xe9").encode()
    report = check(bag)
    assert (errors(report), warnings(report)) == ([], [("manifest-normalization", "manifest-sha512.txt")])


def test_names_that_differ_by_case_or_normalization_only_are_a_warning(check: Check):
    payload = {"images/A.jpg": b"1", "images/a.jpg": b"2", "images/caf\xe9": b"3", "images/cafe\u0301": b"4"}
    report = check(bag_of(payload))
    assert errors(report) == []
    assert sorted(code for code, _ in warnings(report)) == ["names-differ-by-case", "names-differ-by-normalization"]


def test_litter_that_no_manifest_lists_is_a_warning_and_does_not_count(check: Check):
    bag = bag_of(PAYLOAD, info="Payload-Oxum: 21.2\n") | {"data/images/.DS_Store": b"x", "data/Thumbs.db": b"y"}
    report = check(bag)
    assert errors(report) == []
    assert warnings(report) == [("os-litter", "data/Thumbs.db"), ("os-litter", "data/images/.DS_Store")]
    assert report.files == 2


def test_litter_that_a_manifest_lists_is_payload(check: Check):
    report = check(bag_of({**PAYLOAD, ".DS_Store": b"x"}) | {"data/.DS_Store": b"changed"})
    assert errors(report) == [("checksum-mismatch", "data/.DS_Store")]
    assert warnings(report) == [("os-litter", "data/.DS_Store")]


def test_tag_files_are_checked_against_tag_manifests(check: Check):
    bag = bag_of(PAYLOAD, tags={"metadata/mets.xml": b"<mets/>"}, info="a: b\n", tag_manifests=["sha512", "md5"])
    assert errors(check(bag)) == []
    for path in ("metadata/mets.xml", "bag-info.txt", "bagit.txt"):
        changed = bag | {path: bag[path] + (b"\n" if path != "bagit.txt" else b"\n\n")}
        assert ("checksum-mismatch", path) in errors(check(changed))


def test_a_manifest_that_was_changed_is_found_by_its_tag_manifest(check: Check):
    bag = bag_of(PAYLOAD, tag_manifests=["sha512"])
    bag[f"data/{ONE}"] = b"forged"
    bag["manifest-sha512.txt"] = manifest_of(
        {path: c for path, c in bag.items() if path.startswith("data/")}, "sha512"
    ).encode()
    assert errors(check(bag)) == [("checksum-mismatch", "manifest-sha512.txt")]


def test_a_listed_tag_file_that_is_missing_is_an_error(check: Check):
    bag = bag_of(PAYLOAD, tags={"notes.txt": b"x"}, tag_manifests=["sha512"])
    del bag["notes.txt"]
    assert errors(check(bag)) == [("file-missing", "notes.txt")]


def test_a_tag_manifest_has_to_list_the_manifests_since_version_1(check: Check):
    for version in ("1.0", "0.97"):
        bag = bag_of(PAYLOAD, version=version)
        bag["tagmanifest-sha512.txt"] = manifest_of({"bagit.txt": bag["bagit.txt"]}, "sha512").encode()
        report = check(bag)
        found = [("tag-manifest-incomplete", "manifest-sha512.txt")]
        assert (errors(report), warnings(report)) == ((found, []) if version == "1.0" else ([], found))


def test_what_is_left_to_be_fetched_is_named_and_never_fetched(check: Check):
    bag = bag_of(PAYLOAD) | {"fetch.txt": f"http://127.0.0.1:9/two 11 data/{TWO}\n".encode()}
    del bag[f"data/{TWO}"]
    report = check(bag)
    assert errors(report) == [("file-to-be-fetched", f"data/{TWO}")]
    assert not report.complete


def test_a_fetch_list_of_files_that_are_there_is_fine(check: Check):
    bag = bag_of(PAYLOAD) | {"fetch.txt": f"http://127.0.0.1:9/two - data/{TWO}\nftp://x 99 data/{ONE}\n".encode()}
    report = check(bag)
    assert (errors(report), warnings(report)) == ([], [("fetch-length-differs", f"data/{ONE}")])


@pytest.mark.parametrize(
    "line", ["nonsense", "http://x data/y", "http://x many data/y", f"http://x {'9' * 5000} data/y"]
)
def test_a_fetch_line_that_is_none_is_an_error(line: str, check: Check):
    assert errors(check(bag_of(PAYLOAD) | {"fetch.txt": line.encode()})) == [("fetch-line-invalid", "fetch.txt")]


def test_a_file_to_be_fetched_has_to_be_in_the_manifests(check: Check):
    bag = bag_of(PAYLOAD) | {"fetch.txt": b"http://127.0.0.1:9/x 1 data/unlisted\n"}
    assert ("file-not-in-manifest", "data/unlisted") in errors(check(bag))


def test_all_problems_are_reported_in_one_run(check: Check):
    bag = bag_of({**PAYLOAD, "images/three": b"3"}, info="Payload-Oxum: 1.1\n")
    del bag["data/images/three"]
    bag |= {f"data/{ONE}": b"changed", f"data/{TWO}": b"changed", "data/extra": b"x"}
    assert [code for code, _ in errors(check(bag))] == [
        "checksum-mismatch",
        "checksum-mismatch",
        "file-missing",
        "file-not-in-manifest",
        "payload-oxum-mismatch",
    ]


def test_links_in_a_bag_folder_are_an_error(tmp_path: Path):
    folder = tmp_path / "W22084.bag"
    for path, content in bag_of(PAYLOAD).items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    assert verify_folder(folder).valid
    (folder / "data" / "link").symlink_to("/etc/passwd")
    (folder / "data" / "folder").symlink_to("/etc")
    assert errors(verify_folder(folder).bags[0]) == [
        ("bag-special-file", "data/folder"),
        ("bag-special-file", "data/link"),
    ]


def test_a_bag_folder_is_read_by_several_threads_and_all_that_is_wrong_is_told_in_order(tmp_path: Path):
    folder = tmp_path / "W22084.bag"
    pages = {f"images/W22084-0001/0001{number:04}.jpg": b"%d" % number for number in range(200)}
    for path, content in bag_of(pages).items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    done = []
    assert verify_folder(folder, threads=3, progress=done.append).valid
    assert sum(done) == sum(map(len, pages.values()))
    assert sum(done) < folder_bytes(folder) == sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    damaged = [f"data/images/W22084-0001/0001{number:04}.jpg" for number in (3, 77, 150)]
    for path in damaged:
        (folder / path).write_bytes(b"damaged")
    for threads in (1, 3):
        found = errors(verify_folder(folder, threads=threads).bags[0])
        assert [(code, path) for code, path in found if path] == [("checksum-mismatch", path) for path in damaged]


@pytest.mark.parametrize("checksums", [["md5"], ["sha256"], ["sha512"], ["md5", "sha1", "sha3_256", "blake2b"]])
def test_bags_of_another_maker_are_valid(checksums: list[str], tmp_path: Path, payload: dict[str, bytes]):
    folder = tmp_path / "W22084.bag"
    for path, content in {**payload, "odd % name \u0f40.txt": b"x"}.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    bagit.make_bag(str(folder), {"BDRC-RID": "W22084", "Note": "long " * 100}, checksums=checksums)
    report = verify_folder(folder).bags[0]
    assert (errors(report), report.version) == ([], "0.97")
