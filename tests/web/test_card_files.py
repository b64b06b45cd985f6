"""Cards and drivers from a file and into one."""

from __future__ import annotations

from io import BytesIO

from make import store
from sqlalchemy import func, select

from csms.domain import accounts
from csms.domain.accounts import Account, IdToken, Role
from tests.web.visitor import told

FILE = """number,label,driver,driver_email,last_day,may_charge
04A2B39F,Green card,Olga Serrano,,2037-06-30,yes
CAFE01,Van 3,Ada Park,ada@example.org,,no
CAFE02,,Ada Park,ada@example.org,,yes
"""


def preview(olga, text, existing="update"):
    file = (BytesIO(text.encode()), "cards.csv")
    return olga.post(
        "/cards/import", {"file": file, "existing": existing}, content_type="multipart/form-data"
    )


def run(olga, text, existing="update"):
    answer = olga.post("/cards/import/run", {"text": text, "existing": existing}, follow_redirects=True)
    assert answer.status_code == 200
    return told(answer)


def test_a_file_is_shown_line_by_line_before_anything_is_done(visitor, site):
    olga = visitor().log_in()
    page = told(preview(olga, FILE))
    assert "2 new" in page
    assert "1 changed" in page
    assert "with a new driver, Ada Park" in page
    assert "with the label Green card, last day 2037-06-30" in page
    assert accounts.find_token(site.session, "CAFE01") is None


def test_cards_and_their_driver_are_added_once_however_often_the_file_comes(visitor, site):
    olga = visitor().log_in()
    assert "2 new, 1 changed" in run(olga, FILE)
    ada = site.session.scalars(select(Account).where(Account.email == "ada@example.org")).one()
    assert [(x.uid, x.is_allowed) for x in ada.tokens] == [("CAFE01", False), ("CAFE02", True)]
    assert accounts.find_token(site.session, "04A2B39F").label == "Green card"
    page = told(preview(olga, FILE))
    assert "3 as it is" in page
    assert "0 new, 0 changed" in run(olga, FILE)


def test_what_is_there_can_be_left_alone(visitor, site):
    olga = visitor().log_in()
    assert "1 left alone" in told(preview(olga, FILE, "skip"))
    run(olga, FILE, "skip")
    assert accounts.find_token(site.session, "04A2B39F").label == "Blue card"
    assert accounts.find_token(site.session, "CAFE02") is not None


def test_each_wrong_line_says_what_to_do_and_the_others_are_done(visitor, site):
    wrong = """number;driver;driver_email;last_day;may_charge
CAFE01;;;;yes
CAFE01;;;;yes
X123456789012345678901;;;;yes
CAFE03;;;31.12.2037;yes
CAFE04;;;;perhaps
4.1E+15;;;;
;;;;yes
CAFE05;Ada;not an address;;
"""
    olga = visitor().log_in()
    page = told(preview(olga, wrong))
    for words in (
        "Line 2 has this number too",
        "1 to 20 printable",
        "Write the last day as 2027-12-31",
        "Write yes or no under may_charge",
        "format the column as text",
        "Give the card's number",
        "no e-mail address",
    ):
        assert words in page, words
    assert "1 new" in page
    assert "7 wrong lines are left out" in run(olga, wrong)
    assert accounts.find_token(site.session, "CAFE01") is not None
    assert accounts.find_token(site.session, "CAFE03") is None


def test_two_drivers_of_one_name_are_told_apart(visitor, site):
    accounts.open_account(site.session, "Olga Serrano", at=site.now)
    store(site.session)
    olga = visitor().log_in()
    assert "give the id of the one" in told(preview(olga, "number,driver\nCAFE01,Olga Serrano\n"))
    run(olga, f"number,driver,driver_id\nCAFE01,Olga Serrano,{site.account.id}\n")
    assert accounts.find_token(site.session, "CAFE01").account_id == site.account.id


def test_an_export_comes_back_as_the_same_and_fills_an_empty_installation(visitor, site):
    token = accounts.find_token(site.session, "04A2B39F")
    token.label = "=1+1"
    accounts.add_alias(site.session, token, "9FB3A204", by=None, at=site.now)
    accounts.add_token(site.session, "CAFE01", at=site.now, expires_at=site.now, parent_uid="VANS")
    accounts.open_account(site.session, "Without a card", at=site.now, is_service=True)
    store(site.session)
    olga = visitor().log_in()
    text = olga.get("/cards/export.csv").get_data(as_text=True)
    assert "'=1+1" in text
    assert "3 as it is" in told(preview(olga, text))
    assert "1 new" not in told(preview(olga, text, "skip"))
    assert site.session.scalar(select(func.count(IdToken.id))) == 2


def test_what_is_no_such_file_is_explained(visitor, site):
    olga = visitor().log_in()
    for text, words in (
        ("", "Choose a file"),
        ("uid,name\n1,2\n", "There is no column “uid”"),
        ("label\nx\n", "Number or driver"),
    ):
        answer = preview(olga, text)
        assert (answer.status_code, words in told(answer)) == (422, True), text
    assert visitor().log_in(Role.SUPPORT).get("/cards/import").status_code == 404
    assert visitor().log_in(Role.READ_ONLY).get("/cards/export.csv").status_code == 404
