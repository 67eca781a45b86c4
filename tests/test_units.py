import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ao_workflows.units import duration_text, size_text


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 bytes"),
        (1, "1 byte"),
        (512, "512 bytes"),
        (999, "999 bytes"),
        (1000, "1 kB"),
        (1536, "1.54 kB"),
        (999_499, "999 kB"),
        (999_500, "1 MB"),
        (400 * 1024, "410 kB"),
        (17_017_201_852, "17 GB"),
        (17_317_201_852, "17.3 GB"),
        (1 << 40, "1.1 TB"),
        ((1 << 63) - 1, "9.22 EB"),
        (-1536, "-1.54 kB"),
    ],
)
def test_a_size_has_three_digits_and_a_decimal_unit(size, text):
    assert size_text(size) == text


@given(st.integers(0, (1 << 63) - 1))
def test_no_size_needs_an_exponent_or_more_than_three_digits(size):
    assert re.fullmatch(r"(\d{1,3}|\d\.\d{1,2}|\d\d\.\d) (bytes?|[kMGTPE]B)", size_text(size))


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0.0 s"),
        (0.44, "0.4 s"),
        (9.94, "9.9 s"),
        (9.96, "10 s"),
        (12.4, "12 s"),
        (59.4, "59 s"),
        (59.6, "1 min 0 s"),
        (200, "3 min 20 s"),
        (3599.6, "1 h 0 min"),
        (7500, "2 h 5 min"),
        (180_000, "50 h 0 min"),
    ],
)
def test_a_span_of_time_is_told_in_two_units_at_most(seconds, text):
    assert duration_text(seconds) == text
