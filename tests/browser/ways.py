"""How one comes to the pages that no link leads to, or not always, and to those that are empty in a new town."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from io import BytesIO
from urllib.parse import urlencode, urlsplit

import requests
from make import store
from sqlalchemy import select

from csms import clock, receipt_links
from csms.domain import accounts, commands
from csms.domain.accounts import Account
from csms.domain.commands import Command, CommandState
from csms.domain.commands.models import Effect
from csms.domain.payments import LineKind, LineTold, PayoutState, PayoutTold, payouts
from tests.browser.stage import Stage
from tests.desk import wait_for
from tests.web.test_second_factor import set_up
from tests.web.visitor import PASSWORD as QUICK
from tests.web.visitor import Visitor


@dataclass
class Way:
    """How a page is come to: in whose browser, at which address."""

    browser: Visitor
    path: str


Making = Callable[[Stage], Way]
WAYS: dict[str, Making] = {}


def to(endpoint: str) -> Callable[[Making], Making]:
    """The function brings about what the page of this name is about."""

    def keep(making: Making) -> Making:
        WAYS[endpoint] = making
        return making

    return keep


@to("landing.numbered")
def a_connector_by_its_number(stage: Stage) -> Way:
    charger = stage.till(connectors=2).site.charger
    return Way(stage.stranger, f"/c/{charger.slug}/2")


@to("landing.asked")
def a_start_that_the_station_has_accepted(stage: Stage) -> Way:
    site = stage.till().site
    site.status("Preparing")
    driver, at = stage.stranger, clock.now()
    path = driver.post(f"/c/{site.slug}/start", {"method": "guest"}).location
    stage.begin()
    command = stage.session.scalars(select(Command).where(Command.charger_id == site.charger.id)).one()
    command.sent_at, command.state = at, CommandState.SENT
    commands.settle_answer(
        stage.session,
        command,
        state=CommandState.ACCEPTED,
        status="Accepted",
        answer={"status": "Accepted"},
        at=at,
        awaits=Effect.TRANSACTION_STARTED,
    )
    store(stage.session)
    return Way(driver, path)


@to("landing.paying")
def a_payment_that_is_explained(stage: Stage) -> Way:
    driver = stage.stranger
    return Way(driver, stage.till().ask(driver))


@to("checkout.show")
def a_payment_at_the_test_bank(stage: Stage) -> Way:
    till, driver = stage.till(), stage.stranger
    till.ask(driver)
    return Way(driver, urlsplit(till.payment.checkout_url or "").path)


@to("landing.trouble")
def a_station_that_does_not_react(stage: Stage) -> Way:
    return Way(stage.stranger, f"/c/{stage.till().site.slug}/trouble")


@to("driving.receipt")
def a_receipt(stage: Stage) -> Way:
    _, ended = stage.paid()
    return Way(stage.stranger, receipt_links.path(ended, is_whole=True))


@to("receipt_copies.show")
def a_receipt_for_others(stage: Stage) -> Way:
    _, ended = stage.paid()
    return Way(stage.stranger, receipt_links.path(ended, is_whole=False))


@to("payments.show")
def a_payment_in_the_books(stage: Stage) -> Way:
    till, _ = stage.paid()
    return Way(stage.olga, f"/payments/{till.payment.id}")


@to("payouts.show")
def a_payout(stage: Stage) -> Way:
    intents = [stage.paid()[0].payment.intent for _ in range(2)]
    at = clock.now()
    told = [
        LineTold(f"txn_{n}", LineKind.CAPTURE, 938, 39, at, intent=intent)
        for n, intent in enumerate(intents, start=1)
    ]
    told.append(LineTold("txn_3", LineKind.FEE, -100, 0, at, note="Billing"))
    arrives_on = (at + timedelta(days=2)).date()
    stage.begin()
    payout = payouts.keep(
        stage.session,
        "test",
        PayoutTold(
            "po_1", PayoutState.IN_TRANSIT, sum(x.cents - x.fee_cents for x in told), "EUR", at, arrives_on
        ),
    )
    payouts.keep_lines(stage.session, payout.id, told, is_complete=True, at=at)
    store(stage.session)
    return Way(stage.olga, f"/payments/payouts/{payout.id}")


@to("tokens.show_scan")
def a_reader_that_waits_for_a_card(stage: Stage) -> Way:
    identity = stage.till().site.charger.identity
    return Way(stage.olga, stage.olga.post("/cards/scans", {"charger": identity}).location)


@to("commands.confirm")
def an_order_that_was_typed(stage: Stage) -> Way:
    return Way(stage.olga, f"/chargers/{stage.till().site.charger.id}/commands/reset")


@to("auth.login")
def the_log_in(stage: Stage) -> Way:
    return Way(stage.stranger, "/login")


@to("entrance.ask")
def the_form_that_asks_for_a_link(stage: Stage) -> Way:
    return Way(stage.stranger, "/login/link")


@to("entrance.choose_password")
def a_link_to_a_new_password(stage: Stage) -> Way:
    return Way(stage.stranger, f"/login/password/{stage.link(accounts.PASSWORD, 'paula')}")


@to("entrance.open_link")
def a_link_that_logs_in(stage: Stage) -> Way:
    return Way(stage.stranger, f"/login/link/{stage.link(accounts.SIGN_IN, 'lena')}")


@to("entrance.open_email")
def a_link_that_confirms_an_address(stage: Stage) -> Way:
    return Way(stage.stranger, f"/login/email/{stage.link(accounts.EMAIL, 'emil')}")


@to("entrance.sign_up")
def the_form_of_a_new_driver(stage: Stage) -> Way:
    return Way(stage.stranger, "/sign-up")


@to("second_factor.ask")
def a_log_in_that_needs_a_code(stage: Stage) -> Way:
    stage.user("carla")
    carla = stage.logged_in("carla", QUICK)
    set_up(carla)
    again = stage.stranger
    return Way(again, again.post("/login", {"username": "carla", "password": QUICK}).location)


@to("setup.explain")
def the_set_up_that_is_done(stage: Stage) -> Way:
    return Way(stage.stranger, "/setup")


@to("me.ask_to_erase")
def the_end_of_an_account(stage: Stage) -> Way:
    return Way(stage.driver("felix", stage.account("Felix")), "/me/erase")


@to("me.top_up")
def credit_that_is_to_be_paid(stage: Stage) -> Way:
    stage.till()
    return Way(stage.dana, stage.dana.post("/me/top-ups", {"amount": "20"}).location)


@to("accounts.me")
def an_account_of_ones_own(stage: Stage) -> Way:
    return Way(stage.dana, "/accounts/me")


@to("accounts.show")
def an_account_that_is_used(stage: Stage) -> Way:
    assert stage.dana
    account = stage.session.scalars(select(Account).where(Account.name == "Dana")).one()
    return Way(stage.olga, f"/accounts/{account.id}")


@to("accounts.vehicles")
def vehicles(stage: Stage) -> Way:
    assert stage.dana
    return Way(stage.olga, "/accounts/vehicles")


@to("attempts.index")
def a_charger_that_was_sent_away(stage: Stage) -> Way:
    knock = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Protocol": "ocpp1.2"}
    assert requests.get(f"{stage.url}/ws/ocpp/BOX-9", headers=knock, timeout=10).status_code == 400
    return Way(stage.olga, "/attempts")


@to("payments.index")
def payments_of_all_kinds(stage: Stage) -> Way:
    stage.paid()
    stage.till().pay_as_stranger()
    stage.till().pay(stage.stranger, "declines")
    return Way(stage.olga, "/payments")


@to("payouts.index")
def payouts_of_two_weeks(stage: Stage) -> Way:
    stage.begin()
    for number, days in enumerate((3, 10)):
        at = clock.now() - timedelta(days=days)
        arrived_on = (at + timedelta(days=2)).date()
        told = PayoutTold(f"po_past_{number}", PayoutState.PAID, 18_240 + days, "EUR", at, arrived_on)
        payouts.keep(stage.session, "test", told)
    store(stage.session)
    return Way(stage.olga, "/payments/payouts")


@to("vouchers.index")
def vouchers(stage: Stage) -> Way:
    stage.olga.post("/vouchers", {"count": "4", "amount": "20,00", "unit": "money", "label": "Spring"})
    return Way(stage.olga, "/vouchers")


@to("attempts.show")
def what_to_do_about_a_charger_that_was_sent_away(stage: Stage) -> Way:
    a_charger_that_was_sent_away(stage)
    return Way(stage.olga, stage.linked("/attempts", r"/attempts/\d+"))


@to("commands.show")
def a_command_that_was_answered(stage: Stage) -> Way:
    """Each of the town's own chargers is asked for its keys when it has booted."""
    return Way(stage.olga, stage.linked("/commands", r"/commands/[0-9a-f-]{36}"))


@to("batches.show")
def one_order_to_three_chargers(stage: Stage) -> Way:
    chosen = urlencode([("id", x) for x in stage.demonstrated()[:3]])
    form = {"what": "begin", "message": "StatusNotification"}
    path = stage.olga.post(f"/chargers/bulk/trigger?{chosen}", form).location
    wait_for(lambda: "All asked" in stage.olga.text(path), bool)
    return Way(stage.olga, path)


@to("configuration.preview")
def keys_that_would_be_written(stage: Stage) -> Way:
    form = {"name": "All of ours", "wanted": "HeartbeatInterval = 300\nConnectionTimeOut = 90"}
    stage.olga.post("/configuration/new", form)
    path = f"/configuration/apply?charger={stage.demonstrated()[0]}"
    wait_for(lambda: "ConnectionTimeOut" in stage.olga.text(path), bool)
    return Way(stage.olga, path)


@to("firmware.rollout")
def a_firmware_on_its_way(stage: Stage) -> Way:
    file = (BytesIO(b"firmware 1.1.0"), "ac22-1.1.0.bin")
    about = {"version": "1.1.0", "vendor": "Amberline", "model": "AC 22", "file": file}
    form = {"what": "begin", "name": "To 1.1.0", "stages": "50, 100", "gate_min": "5", "most_failures": "0"}
    wait_for(lambda: "Amberline AC 22" in stage.olga.text("/firmware"), bool)
    plan = f"{stage.olga.post('/firmware', about).location}/rollout"
    return Way(stage.olga, stage.olga.post(plan, form | {"waits_for_idle": "1"}).location)


@to("batches.index")
def orders_to_many(stage: Stage) -> Way:
    one_order_to_three_chargers(stage)
    return Way(stage.olga, "/commands/batches")


@to("firmware.rollouts")
def firmware_that_goes_out(stage: Stage) -> Way:
    if "To 1.1.0" not in stage.olga.text("/firmware/rollouts"):
        a_firmware_on_its_way(stage)
    return Way(stage.olga, "/firmware/rollouts")


@to("reports.index")
def a_month_in_which_was_charged(stage: Stage) -> Way:
    assert stage.dana
    return Way(stage.olga, "/reports")


@to("cdrs.index")
def charge_records(stage: Stage) -> Way:
    assert stage.dana
    stage.paid()
    wait_for(lambda: stage.olga.text("/cdrs"), lambda page: "No charge record" not in page)
    return Way(stage.olga, "/cdrs")


@to("reservations.index")
def a_place_that_is_kept(stage: Stage) -> Way:
    assert stage.dana
    hours = [f"{clock.now() + timedelta(hours=x):%Y-%m-%dT%H:00}" for x in (1, 2)]
    identity = stage.till().site.charger.identity
    form = {"charger": identity, "evse": "1", "id_tag": "04DA0A01", "from": hours[0], "until": hours[1]}
    answer = stage.olga.post("/reservations/new", form)
    assert answer.status_code == 302, answer.text
    return Way(stage.olga, "/reservations")


@to("reservations.show")
def one_place_that_is_kept(stage: Stage) -> Way:
    way = a_place_that_is_kept(stage)
    return Way(way.browser, stage.linked(way.path, r"/reservations/\d+"))
