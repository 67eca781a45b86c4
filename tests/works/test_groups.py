import pytest
from hypothesis import given
from hypothesis import strategies as st

from ao_workflows.works import group_id, group_on_disk, image_name_pattern, parse_rid

catalog_ids = st.from_regex(r"I[A-Z0-9]{1,12}", fullmatch=True)
rids_without_dash = st.from_regex(r"W[A-Z0-9]{1,20}", fullmatch=True).map(parse_rid)


@pytest.mark.parametrize(
    ("catalog_id", "folder"),
    [
        ("I0886", "W22084-0886"),
        ("I0000", "W22084-0000"),
        ("I1KG10195", "W22084-I1KG10195"),
        ("I08866", "W22084-I08866"),
        ("I088", "W22084-I088"),
        ("I088A", "W22084-I088A"),
        ("0886", "W22084-0886"),
        ("i0886", "W22084-i0886"),
        ("II0886", "W22084-II0886"),
        ("I0886\n", "W22084-I0886\n"),
        ("I\u0660\u0668\u0668\u0666", "W22084-I\u0660\u0668\u0668\u0666"),
    ],
)
def test_only_an_id_of_i_and_exactly_four_digits_drops_its_i(catalog_id: str, folder: str):
    assert group_on_disk(parse_rid("W22084"), catalog_id) == folder


@pytest.mark.parametrize(
    ("folder", "expected"),
    [
        ("W22084-0886", "0886"),
        ("W1KG1-I1KG2", "I1KG2"),
        ("W1-I1-2", "I1-2"),
        ("W1-", ""),
        ("W1", ""),
        ("", ""),
    ],
)
def test_the_group_id_is_what_follows_the_first_dash(folder: str, expected: str):
    assert group_id(folder) == expected


@given(rids_without_dash, catalog_ids)
def test_a_group_folder_names_its_group_again(rid: str, catalog_id: str):
    folder = group_on_disk(parse_rid(rid), catalog_id)
    assert folder.startswith(rid)
    assert catalog_id in {group_id(folder), "I" + group_id(folder)}


@pytest.mark.parametrize(
    ("folder", "name"),
    [
        ("W1KG1-I1KG2", "I1KG20003.jpg"),
        ("W1KG1-I1KG2", "I1KG2_0003.jpg"),
        ("W1KG1-I1KG2", "I1KG2-0003.jpg"),
        ("W1KG1-I1KG2", "i1kg20003.JPG"),
        ("W1KG1-I1KG2", "I1KG20000.tif"),
        ("W1KG1-I1KG2", "I1KG29999.jp2"),
        ("W22084-0886", "08860001.tif"),
        ("W22084-0886", "0886_0001.tif"),
    ],
)
def test_an_image_is_named_by_its_group_four_digits_and_an_extension(folder: str, name: str):
    assert image_name_pattern(folder).fullmatch(name)


@pytest.mark.parametrize(
    "name",
    [
        "W1KG1-I1KG2_0003.jpg",
        "W1KG1-I1KG20003.jpg",
        "I1KG2003.jpg",
        "I1KG200003.jpg",
        "I1KG2--0003.jpg",
        "I1KG2 0003.jpg",
        "I1KG2.0003.jpg",
        "I1KG30003.jpg",
        "I1KG20003",
        "I1KG20003.",
        "I1KG20003jpg",
        "I1KG20003.tar.gz",
        "I1KG20003.jpg~",
        "I1KG20003.jpg ",
        "I1KG20003.jpg\n",
        "I1KG20003.j/pg",
        " I1KG20003.jpg",
        "aI1KG20003.jpg",
        "I1KG2000A.jpg",
        "I1KG2\u0660\u0660\u0660\u0663.jpg",
        "I1\u212aG20003.jpg",
        "0003.jpg",
        "",
    ],
)
def test_an_image_of_any_other_name_does_not_fit(name: str):
    assert not image_name_pattern("W1KG1-I1KG2").fullmatch(name)


def test_a_group_id_is_text_and_no_pattern():
    assert image_name_pattern("W1-I.+(").fullmatch("I.+(0001.jpg")
    assert not image_name_pattern("W1-I.+").fullmatch("IXX0001.jpg")


@given(catalog_ids, st.integers(0, 9999), st.sampled_from(["", "-", "_"]), st.sampled_from(["jpg", "TIF", "jp2"]))
def test_every_page_number_fits_in_its_own_group_only(catalog_id: str, page: int, separator: str, extension: str):
    name = f"{catalog_id}{separator}{str(page).rjust(4, '0')}.{extension}"
    assert image_name_pattern(f"W1-{catalog_id}").fullmatch(name)
    assert image_name_pattern(f"W1-{catalog_id}").fullmatch(name.lower())
    assert not image_name_pattern(f"W1-{catalog_id}X").fullmatch(name)
    assert not image_name_pattern(f"W1-X{catalog_id}").fullmatch(name)
