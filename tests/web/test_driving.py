"""A driver's own session: what it shows, who may stop it, and a receipt that is right to the cent."""

import re
from datetime import timedelta

from make import store
from sqlalchemy import select

from csms.domain import transactions
from csms.domain.accounts import Role
from csms.domain.commands import Command, Kind
from csms.domain.transactions import repair
from csms.web.filters import money
from tests.web.visitor import told


def stops(site):
    site.session.rollback()
    return site.session.scalars(select(Command).where(Command.kind == Kind.STOP)).all()


def running(site):
    transaction = site.begin(at=site.now - timedelta(minutes=30))
    site.measure(transaction, 8_654, site.now - timedelta(minutes=10))
    return site.session.get_one(type(transaction), transaction.id)


def test_the_driver_sees_energy_cost_and_time(visitor, site):
    transaction = running(site)
    page = visitor().text(f"/s/{transaction.secret}")
    assert "7.65" in page
    assert "4.10 €" in page  # 7.654 x 0.49 + 0.35
    assert "30 min" in page
    assert "7.654 kWh × 0.49 €/kWh" in page


def test_a_session_of_less_than_a_minute_lasts_seconds(visitor, site):
    """On the driver's pages, on the receipt, and for the operator."""
    transaction = site.begin(at=site.now - timedelta(seconds=45))
    site.end(transaction, 1_200, site.now)
    page = f"/s/{transaction.secret}"
    operator = visitor().log_in(Role.OWNER)
    pages = [
        visitor().text(page),
        visitor().text(f"{page}/receipt"),
        operator.text(f"/sessions/{transaction.id}"),
    ]
    assert ["45 s" in x for x in pages] == [True, True, True]
    assert "0 min" not in pages[1]


def test_a_driver_who_is_done_is_asked_to_unplug_until_the_car_is_gone(visitor, site):
    """Also before the station tells that it does not charge any more; not when it is the next one's car."""
    transaction = site.end(running(site), 8_654, site.now - timedelta(minutes=5))
    page = f"/s/{transaction.secret}"
    assert "Done. Please unplug" in visitor().text(page)
    assert f'href="{page}/receipt"' in visitor().text(page)
    site.status("Finishing", site.now - timedelta(minutes=4))
    assert "Done. Please unplug" in visitor().text(page)
    for status in ("Available", "Charging"):
        site.status(status, site.now - timedelta(minutes=2))
        assert "Done. Thank you" in visitor().text(page)


def test_a_stranger_with_the_link_cannot_stop(visitor, site):
    transaction = running(site)
    stranger = visitor()
    answer = stranger.post(f"/s/{transaction.secret}/stop")
    assert answer.status_code == 403
    assert stranger.post(f"/s/{transaction.secret}/stop", {"card": "DEADBEEF"}).status_code == 403
    assert stranger.post(f"/s/{transaction.secret}/stop", {"card": ""}).status_code == 403
    assert stops(site) == []


def test_looking_at_the_stop_page_stops_nothing(visitor, site):
    transaction = running(site)
    assert "Stop charging?" in visitor().text(f"/s/{transaction.secret}/stop")
    assert stops(site) == []


def test_guessing_cards_to_stop_ends_after_ten_tries(visitor, site):
    transaction = running(site)
    stranger = visitor()
    answers = [
        stranger.post(f"/s/{transaction.secret}/stop", {"card": f"G{x}"}).status_code for x in range(11)
    ]
    assert answers == [403] * 10 + [429]


def test_the_card_that_it_began_with_stops_it_once(visitor, site):
    transaction = running(site)
    driver = visitor()
    assert driver.post(f"/s/{transaction.secret}/stop", {"card": "04a2b39f"}).status_code == 303
    assert driver.post(f"/s/{transaction.secret}/stop").status_code == 303  # known by now, and asked once
    [order] = stops(site)
    assert order.arguments["transaction_id"] == transaction.id
    assert "Stopping" in driver.text(f"/s/{transaction.secret}")


def test_the_browser_that_started_may_stop(visitor, site):
    site.status("Preparing")
    driver = visitor()
    driver.post(f"/c/{site.slug}/start", {"method": "card", "card": "04A2B39F"})
    [order] = site.session.scalars(select(Command)).all()
    order.transaction_id = site.begin().id
    store(site.session)
    secret = site.session.get_one(transactions.Transaction, order.transaction_id).secret
    assert driver.post(f"/s/{secret}/stop").status_code == 303
    assert len(stops(site)) == 1


def test_the_code_leads_whoever_charged_back_to_the_receipt(visitor, site):
    transaction = site.begin()
    driver, stranger = visitor(), visitor()
    driver.post(f"/c/{site.slug}/mine", {"card": "04A2B39F"})
    site.end(transaction, 9_000)
    site.status("Finishing")
    page = driver.text(f"/c/{site.slug}")
    assert "Done. Please unplug" in page  # it is their own car that stands here
    assert "You charged here until" in page
    assert f'href="/s/{transaction.secret}/receipt"' in page
    assert "You charged here until" not in stranger.text(f"/c/{site.slug}")


def test_a_start_asked_for_here_leads_back_to_the_receipt_too(visitor, site):
    site.status("Preparing")
    driver = visitor()
    driver.post(f"/c/{site.slug}/start", {"method": "card", "card": "04A2B39F"})
    [order] = site.session.scalars(select(Command)).all()
    order.transaction_id = site.begin().id
    store(site.session)
    transaction = site.end(site.session.get_one(transactions.Transaction, order.transaction_id), 9_000)
    assert f'href="/s/{transaction.secret}/receipt"' in driver.text(f"/c/{site.slug}")


def test_a_station_out_of_reach_tells_how_to_stop_there(visitor, site):
    transaction = site.begin()
    site.charger.lease.online_until = None
    store(site.session)
    assert "To stop now, hold your card to the station" in visitor().text(f"/s/{transaction.secret}")


def test_the_accounts_own_log_in_may_stop_and_another_may_not(visitor, site):
    transaction = running(site)
    other = visitor().log_in(Role.DRIVER)
    assert other.post(f"/s/{transaction.secret}/stop").status_code == 403
    own = visitor().log_in(Role.DRIVER, site.account.id)
    assert own.post(f"/s/{transaction.secret}/stop").status_code == 303
    assert len(stops(site)) == 1


def test_an_operator_may_stop_and_is_not_taken_for_the_driver(visitor, site):
    transaction = running(site)
    olga = visitor().log_in()
    assert "You are charging here" not in olga.text(f"/c/{site.slug}")
    assert olga.post(f"/s/{transaction.secret}/stop").status_code == 303


def test_a_car_that_pauses_is_told_with_what_staying_costs(visitor, site):
    transaction = running(site)
    site.status("SuspendedEV")
    page = visitor().text(f"/s/{transaction.secret}")
    assert "Your car takes no energy" in page
    assert "Staying costs nothing for another" in page
    assert re.search(r"data-until>1[45] min</time>, then 0\.10 €/min", page)


def test_the_receipt_is_the_bill_of_the_domain_to_the_cent(visitor, site):
    transaction = site.end(running(site), 19_425)
    site.session.rollback()
    bill = transactions.bill_of(site.session.get_one(transactions.Transaction, transaction.id), site.now)
    page = visitor().text(f"/s/{transaction.secret}/receipt")
    assert bill.total_cents == 938  # 18.425 x 0.49 = 9.03, and 0.35
    for amount in (bill.total_cents, bill.vat_cents, bill.total_cents - bill.vat_cents):
        assert money(amount, "EUR").replace("\u00a0", " ") in page
    assert "18.425 kWh × 0.49 €/kWh" in page
    assert "1.000 kWh" in page
    assert "19.425 kWh" in page
    assert "UTC" in page


def test_the_receipt_tells_what_was_taken_from_credit(visitor, site):
    transaction = site.end(running(site), 11_000)
    assert re.search(
        r"Taken from your credit</dt><dd>5\.25 €", visitor().text(f"/s/{transaction.secret}/receipt")
    )
    guests = site.end(site.begin("GUEST"), 12_000)
    assert "Taken from" not in visitor().text(f"/s/{guests.secret}/receipt")


def test_the_receipt_of_what_was_not_billed_asks_for_no_money(visitor, site):
    transaction = running(site)
    repair.close_by_hand(site.session, transaction, by="olga", at=site.now)
    store(site.session)
    page = visitor().text(f"/s/{transaction.secret}/receipt")
    assert "Not billed" in page
    assert "Total" not in page
    assert "€" not in page


def test_there_is_no_receipt_while_it_runs_and_no_page_for_a_guessed_address(visitor, site):
    transaction = running(site)
    assert visitor().get(f"/s/{transaction.secret}/receipt").location == f"/s/{transaction.secret}"
    assert visitor().get("/s/AAAAAAAAAAAAAAAAAAAAAA").status_code == 404
    assert "no such session" in told(visitor().get("/s/x")).lower()


def test_staying_costs_after_the_grace_and_the_page_says_how_much_so_far(visitor, site):
    transaction = site.begin(at=site.now - timedelta(minutes=50))
    site.status("SuspendedEV", site.now - timedelta(minutes=40))
    page = visitor().text(f"/s/{transaction.secret}")
    assert "Staying plugged in costs 0.10 €/min" in page
    assert "2.50 € so far" in page or "2.51 € so far" in page or "2.60 € so far" in page


def test_the_grace_counts_down_to_a_moment(visitor, site):
    transaction = running(site)
    site.status("SuspendedEV", site.now - timedelta(minutes=5))
    page = visitor().text(f"/s/{transaction.secret}")
    assert "data-until" in page
    assert "then 0.10 €/min" in page


def test_figures_of_more_than_a_minute_ago_are_called_old(visitor, site):
    transaction = site.begin(at=site.now - timedelta(minutes=30))
    site.measure(transaction, 5_000, site.now - timedelta(seconds=5))
    assert 'id="stale-note" hidden' in visitor().text(f"/s/{transaction.secret}")
    old = running(site) if transaction is None else transaction
    old.meter_last_at = site.now - timedelta(seconds=90)
    store(site.session)
    assert 'id="stale-note" hidden' not in visitor().text(f"/s/{transaction.secret}")


def test_the_page_tells_how_far_a_usual_car_comes(visitor, site):
    transaction = running(site)
    assert "≈ 43 km" in visitor().text(f"/s/{transaction.secret}")  # 7.654 kWh at 18 kWh for 100 km


def test_nothing_that_changes_is_spoken_by_itself(visitor, site):
    transaction = running(site)
    page = visitor().text(f"/s/{transaction.secret}/state")
    assert 'role="status"' not in page
    assert "data-say" in page
