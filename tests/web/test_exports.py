"""CSV that no spreadsheet calculates with."""

from contextvars import Context

import pytest

from csms.domain.accounts import Role
from csms.web.exports import csv_text


@pytest.mark.parametrize("dangerous", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"])
def test_what_a_spreadsheet_would_calculate_is_text(dangerous):
    assert csv_text([[dangerous]]).lstrip('"').startswith("'")


def test_numbers_stay_numbers_and_nothing_is_empty():
    assert csv_text([[-5, None, "a,b"]]) == '-5,,"a,b"\r\n'


@pytest.mark.parametrize("role", [Role.OWNER, Role.SITE_HOST])
def test_every_file_is_whole_although_the_request_is_over_when_it_is_read(app, visitor, site, role):
    session_id = site.end(site.begin("04A2B39F"), 9_000).id
    browser = visitor().log_in(role)
    ids = {"charger_id": site.charger.id, "transaction_id": session_id}
    made = [x for x in app.url_map.iter_rules() if x.rule.endswith((".csv", ".jsonl", ".xlsx"))]
    assert len(made) > 12
    for rule in made:
        if not set(rule.arguments) <= set(ids):
            continue
        path = app.url_map.bind("").build(rule.endpoint, {x: ids[x] for x in rule.arguments})
        answer = browser.get(path, buffered=False)
        assert answer.status_code in (200, 404), path
        if answer.status_code == 200:
            assert Context().run(b"".join, answer.iter_encoded()).strip(b"\xef\xbb\xbf\r\n"), path
        answer.close()
