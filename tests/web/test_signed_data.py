"""Signed meter data: from the charger to the session's page, and as a file for transparency software."""

import json
import re
from base64 import b64decode, b64encode
from datetime import timedelta
from xml.etree import ElementTree

import pytest
from make import store
from sqlalchemy import select

from csms.domain import accounts
from csms.domain.accounts import Account, LedgerKind, Role
from csms.domain.transactions import Reading
from csms.web.security import PERMISSIONS

BEGIN = 'OCMF|{"FV":"1.0","ID":"04A2B39F","RD":[{"RV":1.000,"RU":"kWh"}]}|{"SD":"3045 <&> ü"}'
END = BEGIN.replace("1.000", "8.654")


def signed(value, context, **more):
    return {"value": value, "format": "SignedData", "context": context, "unit": "Wh"} | more


def charged(site, *samples):
    """A session that is over, whose stop brought these samples."""
    begun = site.now - timedelta(minutes=30)
    transaction = site.begin(at=begun)
    data = [{"timestamp": begun.isoformat(), "sampledValue": list(samples)}]
    report = {"transactionId": transaction.id, "meterStop": 8_654, "timestamp": site.now.isoformat()}
    site.tell("StopTransaction", report | {"transactionData": data}, site.now)
    return site.session.get_one(type(transaction), transaction.id)


def values_of(answer):
    assert answer.status_code == 200
    return ElementTree.fromstring(answer.data).findall("value")  # noqa: S314


def test_what_the_meter_signs_is_kept_by_the_letter_told_once_and_never_counted(visitor, site):
    transaction = site.begin(at=site.now - timedelta(minutes=30))
    begun = (site.now - timedelta(minutes=30)).isoformat()
    first = {"timestamp": begun, "sampledValue": [signed(BEGIN, "Transaction.Begin")]}
    report = {"connectorId": 1, "transactionId": transaction.id, "meterValue": [first]}
    site.tell("MeterValues", report, site.now)
    number = {"timestamp": begun, "sampledValue": [signed("999999", "Sample.Periodic")]}
    last = {"timestamp": site.now.isoformat(), "sampledValue": [signed(END, "Transaction.End")]}
    report = {"transactionId": transaction.id, "meterStop": 8_654, "timestamp": site.now.isoformat()}
    site.tell("StopTransaction", report | {"transactionData": [first, number, last]}, site.now)
    assert site.session.get_one(type(transaction), transaction.id).energy_wh == 7_654

    olga = visitor().log_in()
    answer = olga.get(f"/sessions/{transaction.id}/signed.xml")
    found = values_of(answer)
    assert [x.get("context") for x in found] == ["Transaction.Begin", "Sample.Periodic", "Transaction.End"]
    assert {x.get("transactionId") for x in found} == {str(transaction.id)}
    texts = [x.find("signedData") for x in (found[0], found[-1])]
    assert [(x.get("format"), x.get("encoding"), x.text) for x in texts] == [
        ("OCMF", "plain", BEGIN),
        ("OCMF", "plain", END),
    ]
    disposition = f'attachment; filename="session-{transaction.id}-signed.xml"'
    assert answer.headers["Content-Disposition"] == disposition
    page = olga.text(f"/sessions/{transaction.id}")
    card = page[page.index("Signed meter data") :]
    assert card.index("Transaction.Begin") < card.index("OCMF") < card.index("Transaction.End")
    assert "Sample.Periodic" not in card  # of begin and end alone


def test_ocmf_is_known_in_hex_in_base64_and_in_the_object_of_a_later_ocpp(visitor, site):
    in_base64 = b64encode(END.encode()).decode()
    envelope = {"signedMeterData": in_base64, "encodingMethod": "OCMF", "publicKey": "3059ab"}
    transaction = charged(
        site,
        signed(BEGIN.encode().hex(), "Transaction.Begin"),
        signed(in_base64, "Sample.Clock"),
        signed(json.dumps(envelope), "Transaction.End"),
    )
    found = values_of(visitor().get(f"/s/{transaction.secret}/signed.xml"))
    data = [x.find("signedData") for x in found]
    assert [x.get("format") for x in data] == ["OCMF"] * 3
    assert [x.get("encoding") for x in data] == ["hex", "base64", "base64"]
    assert data[2].text == in_base64
    assert [x.tag for x in found[2]] == ["publicKey", "signedData"]
    assert (found[2][0].get("encoding"), found[2][0].text) == ("hex", "3059ab")


def test_text_that_calls_itself_ocmf_without_the_format_is_shown_too(visitor, site):
    transaction = charged(site, {"value": BEGIN, "context": "Transaction.Begin"})
    assert values_of(visitor().get(f"/s/{transaction.secret}/signed.xml"))[0][0].text == BEGIN


@pytest.mark.parametrize(
    "value",
    [
        '"><script>alert(1)</script>',
        "]]></signedData></values><!--",
        "OCMF|\r\nSet-Cookie: a=b\x00\x07",
        "{" * 500,
        '{"signedMeterData": 5}',
        "ünïcode\ufffe",
    ],
)
def test_a_hostile_value_is_text_and_nothing_else(visitor, site, value):
    transaction = charged(site, signed(value, "Transaction.End\x07<b>"))
    answer = visitor().get(f"/s/{transaction.secret}/signed.xml")
    data = values_of(answer)[0].find("signedData")
    text = data.text if data.get("encoding") == "plain" else b64decode(data.text).decode()
    assert text == value
    assert "Set-Cookie" not in answer.headers
    page = visitor().log_in().get(f"/sessions/{transaction.id}").get_data(as_text=True)
    assert "Signed meter data" in page
    assert "<script>alert" not in page
    assert "<b>" not in page[page.index("Signed meter data") :]


def test_the_receipt_leads_to_the_file_and_another_address_does_not(visitor, site):
    transaction = charged(site, signed(END, "Transaction.End"))
    other = site.end(site.begin(at=site.now), 9_000)
    driver = visitor()
    file = f"/s/{transaction.secret}/signed.xml"
    assert file in driver.text(f"/s/{transaction.secret}/receipt")
    assert driver.get(file).mimetype == "application/xml"
    assert "signed.xml" not in driver.text(f"/s/{other.secret}/receipt")  # nothing was signed
    assert driver.get(f"/s/{other.secret}/signed.xml").status_code == 404
    assert driver.get("/s/AAAAAAAAAAAAAAAAAAAAAA/signed.xml").status_code == 404
    assert driver.get(f"/s/{transaction.id}/signed.xml").status_code == 404


def test_there_is_no_file_for_drivers_while_it_runs(visitor, site):
    transaction = site.begin(at=site.now)
    answer = visitor().get(f"/s/{transaction.secret}/signed.xml")
    assert answer.location == f"/s/{transaction.secret}"


def test_who_may_not_see_cards_sees_when_was_signed_and_not_what(visitor, site):
    transaction = charged(site, signed(END, "Transaction.End"))
    viewer = visitor().log_in(Role.READ_ONLY)
    page = viewer.text(f"/sessions/{transaction.id}")
    assert "Signed meter data" in page
    assert "Transaction.End" in page
    assert "04A2B39F" not in page  # nor among the messages
    file = f"/sessions/{transaction.id}/signed.xml"
    assert file not in page
    assert viewer.get(file).status_code == 404
    assert visitor().get(file).status_code == 302
    operator = visitor().log_in(Role.OPERATOR)
    assert file in operator.text(f"/sessions/{transaction.id}")
    assert operator.get(file).status_code == 200


def reached(browser, page):
    """Addresses of drivers' pages and receipts that a page leads to, and those that these lead to."""
    found, new = set(), {page}
    while new:
        links = {
            x for here in new for x in re.findall(r'href="(/(?:s|receipts)/[^"#?]+)', browser.text(here))
        }
        new = {x for x in links - found if not x.endswith((".pdf", ".xml"))}
        found |= links
    return found


@pytest.mark.sqlite_is_enough
@pytest.mark.parametrize("role", [x for x in Role if "view" in PERMISSIONS[x]])
def test_a_sessions_receipt_leads_to_what_was_signed_for_those_who_may_see_cards_alone(visitor, site, role):
    transaction = charged(site, signed(END, "Transaction.End"))
    browser = visitor().log_in(role)
    pages = reached(browser, f"/sessions/{transaction.id}")
    receipts = {x for x in pages if "receipt" in x and not x.endswith(".pdf")}
    assert receipts
    for address in receipts:
        answer = visitor().get(address)  # as it is for somebody whom they give it to
        assert answer.status_code == 200
        assert ("signed.xml" in answer.text) == ("operate" in PERMISSIONS[role])
    if "operate" not in PERMISSIONS[role]:
        assert transaction.secret not in browser.text(f"/sessions/{transaction.id}")
        assert all(transaction.secret not in x for x in pages)


def test_a_made_up_address_of_a_receipt_opens_none(visitor, site):
    running, ended = site.begin(at=site.now), charged(site, signed(END, "Transaction.End"))
    page = visitor().log_in(Role.ACCOUNTANT).text(f"/sessions/{ended.id}")
    address = re.search(r'href="(/receipts/[^"]+)', page)[1]
    assert visitor().get(address).status_code == 200
    assert visitor().get(f"{address}.pdf").mimetype == "application/pdf"
    for wrong in (
        "/receipts/1",
        f"/receipts/{ended.secret}",
        address[:-1],
        address.replace("/receipts/", "/receipts/x"),
    ):
        assert visitor().get(wrong).status_code == 404
    assert f"/s/{running.secret}" not in page


def test_erasing_a_driver_takes_what_was_signed_and_leaves_what_was_measured(visitor, session, site):
    measured = {"value": "8.654", "unit": "kWh", "context": "Transaction.End"}
    transaction = charged(site, signed(END, "Transaction.End"), measured)
    account = session.get_one(Account, site.account.id)
    accounts.book(session, account, LedgerKind.CORRECTION, at=site.now, amount_cents=-account.balance_cents)
    store(session)
    driver = visitor().log_in(Role.DRIVER, account.id)
    told_first = driver.post("/me/export").json["sessions"][0]["signed_meter_data"]
    assert [x["value"] for x in told_first] == [END]
    assert "what meters have signed" in driver.text("/me/erase")
    assert driver.post("/me/erase", {"typed": f"driver-{account.id}"}).status_code == 302
    assert visitor().get(f"/s/{transaction.secret}/signed.xml").status_code == 404
    assert "signed.xml" not in visitor().text(f"/s/{transaction.secret}/receipt")
    olga = visitor().log_in()
    page = olga.text(f"/sessions/{transaction.id}")
    assert "Signed meter data" not in page
    assert "8.654" in page
    session.rollback()
    kept = session.scalars(select(Reading.samples).where(Reading.transaction_id == transaction.id)).all()
    assert "04A2B39F" not in "".join(kept)
    assert '"raw":"8.654"' in "".join(kept)
