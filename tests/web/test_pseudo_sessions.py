"""Under the pseudo-locale the pages of sessions, people and money have no word left in plain English."""

from __future__ import annotations

from datetime import timedelta

import pytest
from make import store
from sqlalchemy import select

from csms.domain import accounts, subscriptions, tariffs, transactions
from csms.domain.accounts import Role, Voucher, card_lines
from csms.domain.chargers import AuthorizationPolicy
from csms.domain.payments import PaymentState, Payout, PayoutLine, PayoutState, payouts
from csms.domain.subscriptions import SubscriptionProduct
from csms.domain.tariffs import Terms
from csms.domain.transactions import Transaction, TransactionState
from tests.web import pseudo
from tests.web.pseudo import assert_translated
from tests.web.till import Till

pytestmark = pytest.mark.sqlite_is_enough

HOUR = timedelta(hours=1)
# Words of OCPP, of units and of files, which are the same in every language.
SPECIFIED = (
    *("Accepted", "Invalid", "Charging", "Available", "Preparing", "Sample.Periodic", "Transaction.Begin"),
    *("Messages, newest first", "from the charger"),
    *("transactionId", "connectorId", "idTag", "meterStart", "meterStop", "ms", "Wh", "XLSX"),
)
ELEMENTS = [
    {
        "price_components": [{"type": "ENERGY", "price": "0.30", "step_size": 500}],
        "restrictions": {
            "start_time": "22:00",
            "end_time": "06:00",
            "day_of_week": ["SUNDAY"],
            "min_kwh": "5",
        },
    },
    {"price_components": [{"type": "TIME", "price": "2.00"}, {"type": "FLAT", "price": "1.00"}]},
]


@pytest.fixture
def owner(reader, site):
    """Who runs the place, and reads the pseudo-locale."""
    return reader.log_in(Role.OWNER)


@pytest.fixture
def reads(owner, site):
    """Asks for pages, each of which must be translated but for what people and chargers called things."""

    def read(*pages):
        for page in pages:
            site.session.rollback()
            answer = owner.get(page)
            assert answer.status_code == 200, page
            assert_translated(answer, *SPECIFIED, *pseudo.names_in(site.session))

    return read


@pytest.fixture
def sends(owner, site):
    """Sends a form, and reads what is answered, on the page that follows; `names` are repeated there."""

    def send(form, given=None, *names):
        site.session.rollback()
        answer = owner.post(form, given or {})
        if answer.status_code in (302, 303):
            answer = owner.get(answer.headers["Location"])
        assert_translated(answer, *SPECIFIED, *pseudo.names_in(site.session), *(given or {}).values(), *names)

    return send


def hurried_end(site):
    """A session of an hour ago, with readings and a pause."""
    transaction = site.begin(at=site.now - HOUR)
    for minutes, meter_wh in ((10, 3_000), (20, 6_000), (30, 9_000)):
        site.measure(transaction, meter_wh, site.now - HOUR + timedelta(minutes=minutes))
    site.status("SuspendedEV", site.now - HOUR / 3)
    return site.end(transaction, 12_000)


def test_sessions_that_run_and_that_are_over(reads, sends, site):
    reads("/sessions", "/sessions?state=ended&q=nobody", "/sessions/active")
    over = hurried_end(site)
    running = site.begin(at=site.now)
    site.measure(running, 2_000, site.now)
    reads(
        "/sessions",
        f"/sessions?charger={site.charger.identity}",
        f"/sessions/{running.id}",
        f"/sessions/{over.id}",
    )
    sends(f"/sessions/{running.id}/close")
    here = f"/sessions/{over.id}"
    for given in ({"how": "part", "amount": "much"}, {"reason": ""}, {"reason": "broken"}):
        sends(f"{here}/refund", given)
    sends(f"{here}/notes")
    sends(f"{here}/notes", {"text": "heard of"})
    sends(f"{here}/receipt", {"email": "olga@example.org"})


def test_a_session_with_every_remark(reads, site):
    one = hurried_end(site)
    one.flags = [x.value for x in transactions.Flag]
    store(site.session)
    reads(f"/sessions/{one.id}")


def mend(site):
    transactions.mend(site.session, site.now, grace=timedelta(minutes=2), silence=timedelta(hours=24))
    store(site.session)


def ghost(site):
    """A session of an hour ago, whose connector says that it is free."""
    site.wire.now = site.now - HOUR
    transaction = site.begin(at=site.now - HOUR)
    site.measure(transaction, 3_000, site.now - HOUR / 2)
    site.status("Available", site.now - HOUR / 4)
    site.wire.now = site.now
    mend(site)
    return transaction


def test_sessions_that_went_wrong(reads, sends, site):
    reads("/sessions/review", "/cdrs")
    one = ghost(site)
    for reported_wh in (3_500, 9_999_999):
        at = site.now - HOUR / 4
        site.tell(
            "StopTransaction",
            {"transactionId": 4711, "meterStop": reported_wh, "timestamp": at.isoformat()},
            at,
        )
    orphans = select(Transaction).where(Transaction.state == TransactionState.ORPHAN)
    orphan = site.session.scalars(orphans).first()
    reads("/sessions/review", "/cdrs", f"/sessions/{one.id}", f"/sessions/{orphan.id}")
    sends(f"/sessions/{orphan.id}/match", {"transaction": str(one.id)})
    reads(f"/sessions/{one.id}")
    repair = transactions.repair.of_transaction(site.session, one.id)[-1]
    sends(f"/sessions/{one.id}/repairs/{repair.id}/undo")
    for how in ("bill", "waive"):
        sends(f"/sessions/{one.id}/settle", {"how": how})
    sends(f"/sessions/{orphan.id}/dismiss")
    reads("/sessions/review", "/cdrs", f"/sessions/{one.id}")


def test_charge_records(reads, site):
    hurried_end(site)
    reads("/cdrs", "/cdrs?charger=nowhere")


def test_cards(reads, sends, site):
    site.charger.policy = AuthorizationPolicy.KNOWN
    store(site.session)
    site.tell("Authorize", {"idTag": "04A2B390"}, site.now)
    card = accounts.find_token(site.session, "04A2B39F").id
    here = f"/cards/{card}"
    reads("/cards", "/cards?q=04A2", "/cards?state=blocked", "/cards/new", here, "/cards/scan")
    sends("/cards/new", {"uid": "04A2B39F", "is_allowed": "1"})
    sends("/cards/new", {"uid": "04CAFE", "expires": "soon"})
    sends("/cards/new", {"uid": "04CAFE", "expires": "2037-01-31"})
    for verb in ("block", "allow"):
        sends(f"{here}/{verb}")
    for pin in ("12", "407194", ""):
        sends(f"{here}/pin", {"pin": pin})
    for number in ("04CAFE", "04A2B390"):
        sends(f"{here}/numbers", {"uid": number})
    reads(here, "/cards")


def test_cards_from_a_file(reads, sends, site):
    reads("/cards/import")
    file = "number,label,group,last_day,may_charge,driver,driver_email,service\n"
    wrong = "04A1,,,soon,,,,\n04A1,,,,,,,\n04A2,,,,perhaps,,,\n,,,,,,,\n04A3,,,,,,no mail,"
    file += "04A2B39F,Green,Vans,2037-01-31,no,,,\nCAFE01,,,,,Ada Park,ada@example.org,yes\n" + wrong
    sends("/cards/import", {"text": file}, "Green", "Vans", "Ada Park", "may_charge", "no mail")
    sends("/cards/import", {"text": "colour\nred"}, "colour", *card_lines.COLUMNS)
    sends("/cards/import", {"text": ""})
    sends("/cards/import/run", {"text": file})


def test_a_card_that_is_waited_for(reads, sends, site):
    sends("/cards/scans", {"charger": "nowhere"})
    sends("/cards/scans", {"charger": site.charger.identity})
    (scan,) = site.session.scalars(select(accounts.CardScan)).all()
    here = f"/cards/scans/{scan.id}"
    sends(f"{here}/card")
    site.tell("Authorize", {"idTag": "04A2B39F"}, site.now + timedelta(seconds=1))
    reads(here, f"{here}/state")
    scan.uid, scan.caught_at = "04A2B390", site.now
    store(site.session)
    reads(here)
    sends(f"{here}/card", {"label": "Van", "is_allowed": "1"})
    reads(here)


def test_drivers(reads, sends, site):
    reads(
        "/accounts", "/accounts?q=nobody", "/accounts/new", "/accounts/vehicles", "/accounts/vehicles?q=zoe"
    )
    hurried_end(site)
    here = f"/accounts/{site.account.id}"
    sends("/accounts/new", {"name": " "})
    sends(here, {"name": " "})
    sends(here, {"name": "Olga Serrano", "is_service": "1"})
    for given in ({"amount": "much"}, {"amount": "0"}, {"amount": "-1"}, {"amount": "5"}):
        sends(f"{here}/credit", given)
    sends(f"{here}/vehicles", {"brand": "Renault", "model": "Zoe", "vin": "O"})
    sends(f"{here}/vehicles", {"brand": "Renault", "model": "Zoe"})
    reads("/accounts", "/accounts/vehicles", here)


def test_subscriptions(reads, sends, site):
    reads("/subscriptions")
    offer = {"name": "Flat", "price": "5", "renewal_days": "30", "included_kwh": "20", "included_amount": "2"}
    for wrong in ({"renewal_days": "0"}, {"price": "much"}, {"name": " "}, {}):
        sends("/subscriptions/offers", offer | wrong)
    product = site.session.scalars(select(SubscriptionProduct)).one()
    account = site.session.merge(site.account)
    subscriptions.subscribe(site.session, account, product, by="olga", at=site.now)
    store(site.session)
    number = product.id
    reads(
        "/subscriptions", "/subscriptions?all=1", f"/subscriptions/offers/{number}", f"/accounts/{account.id}"
    )
    sends(f"/subscriptions/offers/{number}", offer)
    sends(f"/subscriptions/offers/{number}/withdraw")


def test_vouchers(reads, sends, site):
    reads("/vouchers")
    for given in ({"amount": "much"}, {"amount": "5", "count": "0"}, {"amount": "5", "count": "3"}):
        sends("/vouchers", given)
    sends("/vouchers", {"amount": "5", "unit": "kwh", "expires": "soon"})
    one = site.session.scalars(select(Voucher)).first().id
    for _ in range(2):
        sends(f"/vouchers/{one}/void")
    reads("/vouchers", "/vouchers?open=1")


def test_tariffs(reads, sends, site):
    public = site.session.scalars(select(tariffs.Tariff)).one()
    here = f"/tariffs/{public.id}"
    terms = Terms("EUR", tariffs.from_json(ELEMENTS), time_zone="UTC")
    nights = tariffs.create(site.session, "Nights", terms, at=site.now)
    store(site.session)
    there = f"/tariffs/{nights.id}"
    reads("/tariffs", "/tariffs/new", "/tariffs/new?shape=elements", here, there, f"{here}?energy=much")
    reads(f"{here}/versions/new", f"{here}/versions/new?shape=elements", f"{there}/versions/new")
    sends("/tariffs/new", {"name": " "})
    sends("/tariffs/new", {"name": "Cheap", "vat_percent": "100"})
    sends("/tariffs/new", {"name": "Cheap", "price_per_kwh": "0.2", "idle_grace_minutes": "soon"})
    sends("/tariffs/new", {"name": "Cheap", "price_per_kwh": "0.2", "alt_text": "Always", "type": "REGULAR"})
    for wrong in (
        {"e0_ENERGY": "-1"},
        {"e0_ENERGY": "1", "e0_ENERGY_step": "x"},
        {"e0_ENERGY": "1", "e0_min_kwh": "-2"},
    ):
        sends("/tariffs/new", {"shape": "elements", "name": "Cheap", **wrong}, "price", "min_kwh")
    sends(f"{here}/versions/new", {"price_per_kwh": "0.4", "starts_at": "2037-01-31T10:00"})
    sends(f"{here}/remove")
    sends(f"{there}/chargers", {"charger": str(site.charger.id)})
    sends(f"{there}/default")
    reads("/tariffs", here, there)


def test_chargers_without_a_price(reads, site):
    public = site.session.scalars(select(tariffs.Tariff)).one()
    public.is_default = False
    store(site.session)
    reads("/tariffs")


def test_payments(app, visitor, reads, sends, site):
    reads("/payments", "/payments?state=held")
    till = Till(app, site).set_up()
    site.status("Preparing")
    driver = visitor()
    driver.post(f"/c/{site.slug}/start", {"method": "payment"})
    payment = till.payment
    here = f"/payments/{payment.id}"
    reads("/payments", here)
    sends(f"{here}/seen")
    driver.post(payment.checkout_url, {"outcome": "pays"})
    till.work()
    reads("/payments", here)
    for form, given in (
        ("capture", {"amount": "1"}),
        ("refund", {"amount": "1"}),
        ("retry", {}),
        ("release", {}),
    ):
        sends(f"{here}/{form}", given)
    till.work()
    reads(here)
    for state in PaymentState:
        till.payment.state = state
        till.payment.problem = "The money could not be taken: The payment provider is not set up."
        till.payment.problem_at = site.now
        store(site.session)
        reads(here, "/payments")


def test_payouts(app, reads, site):
    here = "/payments/payouts"
    reads(here, f"{here}?state=failed")
    till = Till(app, site).set_up()
    till.pay_as_stranger()
    till.charge(10_000)
    till.age(days=2)
    till.read_payouts()
    one = site.session.scalars(select(Payout)).one()
    for state in PayoutState:
        one.state = state
        store(site.session)
        reads(here, f"{here}/{one.id}")
    payouts.note_failure(site.session, "test", "The payment provider is not set up.", at=site.now)
    one.is_itemised = False
    store(site.session)
    reads(here, f"{here}/{one.id}")
    one.is_itemised, one.lines_at = True, None
    store(site.session)
    reads(f"{here}/{one.id}")
    one.amount_cents, one.lines_at = 1, site.now
    for line in site.session.scalars(select(PayoutLine)).all():
        line.payment_id = None
    store(site.session)
    reads(here, f"{here}/{one.id}")
