"""CSV that no spreadsheet calculates with."""

import pytest

from csms.web.exports import csv_text


@pytest.mark.parametrize("dangerous", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"])
def test_what_a_spreadsheet_would_calculate_is_text(dangerous):
    assert csv_text([[dangerous]]).lstrip('"').startswith("'")


def test_numbers_stay_numbers_and_nothing_is_empty():
    assert csv_text([[-5, None, "a,b"]]) == '-5,,"a,b"\r\n'
