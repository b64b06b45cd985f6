"""Sessions at a desk: found, written about, exported, and their receipts sent."""

from __future__ import annotations

from datetime import timedelta
from io import BytesIO
from zipfile import ZipFile

from sqlalchemy import select

from csms.domain.accounts import Role
from csms.domain.mail import Mail
from tests.web.visitor import told


def test_a_note_is_kept_with_who_and_when_and_cannot_be_empty(visitor, site):
    begun = site.begin()
    olga = visitor().log_in()
    answer = olga.post(f"/sessions/{begun.id}/notes", {"text": "The cable was stuck.\nCalled back."})
    assert answer.status_code == 302
    page = olga.text(f"/sessions/{begun.id}")
    assert "The cable was stuck.\nCalled back." in page
    assert "owner-0, " in page
    refused = olga.post(f"/sessions/{begun.id}/notes", {"text": "Too long. " * 201})
    assert refused.status_code == 422
    assert "Write a note of at most" in told(refused)
    assert "Too long. Too long." in told(refused)
    reader = visitor().log_in(Role.READ_ONLY)
    assert "The cable was stuck" in reader.text(f"/sessions/{begun.id}")
    assert reader.post(f"/sessions/{begun.id}/notes", {"text": "mine"}).status_code == 404


def test_the_receipt_goes_by_mail_with_the_lines_of_the_bill(visitor, site):
    begun = site.begin(at=site.now - timedelta(hours=1))
    site.end(begun, 19_425)
    olga = visitor().log_in()
    olga.post("/settings", {"postal_address": "Calle Mayor 1\r\n28013 Madrid", "tax_number": "ESB12345678"})
    answer = olga.post(f"/sessions/{begun.id}/receipt", {"email": "ada@example.org"}, follow_redirects=True)
    assert "The receipt goes to ada@example.org" in told(answer)
    mail = site.session.scalars(select(Mail)).one()
    assert (mail.recipient, mail.subject) == ("ada@example.org", f"Receipt {begun.id} of Amberline")
    for words in ("Plaza AC-2", "18.425", "9.03", f"/s/{begun.secret}/receipt"):
        assert words in mail.text, words
    assert "\n\nAmberline\nCalle Mayor 1\n28013 Madrid\nTax number: ESB12345678\n\n" in mail.text
    [file] = mail.attachments
    assert (file.name, file.mimetype) == (f"receipt-{begun.id}.pdf", "application/pdf")
    assert file.content.startswith(b"%PDF")
    answer = olga.post(f"/sessions/{begun.id}/receipt", {"email": "nobody"}, follow_redirects=True)
    assert "address" in told(answer)


def test_a_session_that_runs_has_no_receipt_to_send(visitor, site):
    begun = site.begin()
    answer = (
        visitor()
        .log_in()
        .post(f"/sessions/{begun.id}/receipt", {"email": "ada@example.org"}, follow_redirects=True)
    )
    assert "There is no receipt yet" in told(answer)


def test_sessions_are_found_by_driver_card_number_and_days(visitor, site):
    old = site.end(site.begin(at=site.now - timedelta(days=3)), 2_000, site.now - timedelta(days=3))
    new = site.end(site.begin("CAFE0001"), 3_000)
    olga = visitor().log_in()

    def found(query):
        page = olga.text(f"/sessions?{query}").split("History")[1]
        return [x.id for x in (old, new) if f'/sessions/{x.id}"' in page]

    assert found("q=serrano") == [old.id]
    assert found("q=cafe") == [new.id]
    assert found(f"q={new.id}") == [new.id]
    until = (site.now - timedelta(days=2)).date().isoformat()
    assert found(f"until={until}") == [old.id]
    assert found(f"since={until}") == [new.id]


def test_the_list_is_a_workbook_with_numbers_as_numbers(visitor, site):
    site.end(site.begin(at=site.now - timedelta(hours=1)), 3_000)
    answer = visitor().log_in().get("/sessions/export.xlsx")
    assert answer.mimetype.endswith("spreadsheetml.sheet")
    sheet = ZipFile(BytesIO(answer.data)).read("xl/worksheets/sheet1.xml").decode()
    assert "<v>2000</v>" in sheet


def test_the_curve_is_told_in_lists_of_one_length(visitor, site):
    begun = site.begin(at=site.now - timedelta(minutes=30))
    for minutes in (10, 20, 30):
        site.measure(begun, 1_000 + 100 * minutes, site.now - timedelta(minutes=30 - minutes))
    page = visitor().log_in()
    told_curve = page.get(f"/sessions/{begun.id}/curve.json").json
    assert {len(x) for x in told_curve.values()} == {61}
    assert told_curve["energy_wh"][-1] == 3_000
    assert f'data-curve="/sessions/{begun.id}/curve.json"' in page.text(f"/sessions/{begun.id}")


def test_a_refund_that_cannot_be_keeps_what_was_typed(visitor, site):
    begun = site.begin(at=site.now - timedelta(hours=1))
    site.end(begun, 19_425)
    olga = visitor().log_in()
    form = {"how": "part", "amount": "ninety", "reason": "The plug was dirty"}
    refused = olga.post(f"/sessions/{begun.id}/refund", form)
    assert refused.status_code == 422
    dialog = told(refused).split('id="refund" open')[1].split("</dialog>")[0]
    assert 'value="ninety"' in dialog
    assert 'value="The plug was dirty"' in dialog
    assert 'value="part" checked' in dialog
