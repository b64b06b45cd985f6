"""The receipt as PDF: what the page says, to the cent, on the clock of the site, in the letters of the names."""

from __future__ import annotations

import html
import re
from datetime import timedelta
from io import BytesIO

import pytest
from make import store
from pypdf import PdfReader

from csms.domain import sites
from csms.domain.accounts import Role
from csms.domain.sites import Details
from csms.domain.transactions import refund, repair
from csms.web.filters import localtime
from tests.web.till import Till

CELL = re.compile(r"<d[td][^>]*>(.*?)</d[td]>", re.DOTALL)


@pytest.fixture
def settings():
    return {"organisation": "Ladestrom Łódź ΑΘΗΝΑ Київ"}


def plain(text):
    return re.sub(r"\s+", " ", text.replace("\u00a0", " ").replace("\u202f", " ")).strip()


def told(visitor, transaction):
    """(the cells of the page's lists, the text of the PDF, the PDF)."""
    driver, here = visitor(), f"/s/{transaction.secret}/receipt"
    page = driver.text(here)
    assert f'href="{here}.pdf"' in page
    cells = [re.split(r"<br>|<[^>]+>", html.unescape(x)) for x in CELL.findall(page)]
    answer = driver.get(f"{here}.pdf")
    assert (answer.status_code, answer.mimetype) == (200, "application/pdf")
    pdf = PdfReader(BytesIO(answer.data))
    text = plain(" ".join(x.extract_text() for x in pdf.pages))
    return [plain(x) for cell in cells for x in cell if x.strip()], text, pdf


def charged(site, meter_wh=19_425):
    begun = site.begin(at=site.now - timedelta(hours=1))
    return site.end(begun, meter_wh)


def amounts(text):
    return sorted(re.findall(r"-?\d+\.\d{2} €", text))


def test_it_says_what_the_page_says_to_the_cent(visitor, site):
    cells, text, pdf = told(visitor, charged(site))
    for cell in cells:
        assert cell in text, cell
    assert "9.38 €" in cells
    assert amounts(" ".join(cells)) == amounts(text)
    assert len(pdf.pages) == 1


def test_names_in_any_letters_of_europe_can_be_read(visitor, site):
    site.charger.name = "Площа Свободи №1 · Ελλάδα · Çeşme"
    store(site.session)
    _, text, pdf = told(visitor, charged(site))
    assert "Площа Свободи №1 · Ελλάδα · Çeşme" in text
    assert text.startswith("Ladestrom Łódź ΑΘΗΝΑ Київ")
    assert "Ladestrom Łódź" in pdf.metadata.title


def test_letters_that_the_font_lacks_are_written_in_latin_ones(visitor, site):
    site.charger.name = "北京 Plaza · ที่จอด · Київ 🔌"
    store(site.session)
    _, text, _ = told(visitor, charged(site))
    assert "BeiJing Plaza · thichod · Київ :electric_plug:" in text


def test_it_is_on_the_clock_of_the_site(visitor, site):
    plaza = sites.add(site.session, Details("Plaza", time_zone="Asia/Kathmandu"), at=site.now)
    site.charger.site_id = plaza.id
    store(site.session)
    transaction = charged(site)
    cells, text, _ = told(visitor, transaction)
    began = localtime(transaction.started_at, "Asia/Kathmandu", "full")
    assert began in cells
    assert began in text


def test_what_a_card_paid_and_got_back_stands_in_it(visitor, app, site):
    till = Till(app, site).set_up()
    till.pay_as_stranger()
    transaction = till.charge(10_000)
    refund(site.session, transaction, cents=200, reason="slow", by="olga", at=site.now)
    store(site.session)
    till.work()
    cells, text, _ = told(visitor, transaction)
    for words in ("Paid by bank card", "Given back to your card", "5.25 €", "2.00 €"):
        assert words in cells
        assert words in text


def test_one_of_what_was_not_billed_asks_for_no_money(visitor, site):
    transaction = site.begin(at=site.now - timedelta(hours=1))
    repair.close_by_hand(site.session, transaction, by="olga", at=site.now)
    store(site.session)
    _, text, _ = told(visitor, transaction)
    assert "Not billed" in text
    assert amounts(text) == []


def test_the_seller_is_named_with_address_and_tax_number_on_page_pdf_and_copy(visitor, site):
    transaction = charged(site)
    here = f"/s/{transaction.secret}/receipt"
    _, before, _ = told(visitor, transaction)
    assert before.startswith("Ladestrom Łódź ΑΘΗΝΑ Київ Receipt")
    assert "seller" not in visitor().text(here)
    given = {"postal_address": "ul. Piotrkowska 1\r\n  90-001 Łódź\r\n\r\n", "tax_number": "PL 1234567890"}
    assert visitor().log_in().post("/settings", given).status_code == 302
    _, text, pdf = told(visitor, transaction)
    assert "Київ ul. Piotrkowska 1 90-001 Łódź Tax number: PL 1234567890 Receipt" in text
    assert len(pdf.pages) == 1
    copy = visitor().log_in(Role.READ_ONLY).text(f"/sessions/{transaction.id}")
    for page in (here, re.search(r"/receipts/[^\"]+", copy)[0]):
        assert 'seller">ul. Piotrkowska 1<br>90-001 Łódź<br>Tax number: PL 1234567890</p>' in visitor().text(
            page
        )
    assert "Steuernummer: PL 1234567890" in html.unescape(
        visitor().get(here, headers={"Accept-Language": "de"}).text
    )


def test_a_seller_that_is_no_plain_text_stays_text(visitor, site):
    transaction = charged(site)
    given = {
        "postal_address": "<script>x</script> & Söhne\n{{ 7 * 7 }} %(number)s",
        "tax_number": "%s <b>1</b>",
    }
    assert visitor().log_in().post("/settings", given).status_code == 302
    page = visitor().get(f"/s/{transaction.secret}/receipt").text
    assert "&lt;script&gt;x&lt;/script&gt; &amp; Söhne<br>{{ 7 * 7 }} %(number)s<br>" in page
    assert "Tax number: %s &lt;b&gt;1&lt;/b&gt;</p>" in page
    _, text, _ = told(visitor, transaction)
    assert "<script>x</script> & Söhne {{ 7 * 7 }} %(number)s Tax number: %s <b>1</b> Receipt" in text


def test_there_is_none_while_the_session_runs_and_none_of_a_guessed_address(visitor, site):
    transaction = site.begin(at=site.now)
    here = f"/s/{transaction.secret}"
    assert visitor().get(f"{here}/receipt.pdf").location == here
    assert visitor().get("/s/AAAAAAAAAAAAAAAAAAAAAA/receipt.pdf").status_code == 404
