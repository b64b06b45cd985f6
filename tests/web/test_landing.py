"""The page behind the label: what it tells, whom it lets start, and how little it weighs."""

import re
from datetime import timedelta

import pytest
from make import make_charger, store
from sqlalchemy import func, select

from csms.domain import commands
from csms.domain.accounts import IdToken
from csms.domain.chargers import AuthorizationPolicy, Connector
from csms.domain.commands import Command, Kind
from tests.web.visitor import told


def orders(site):
    site.session.rollback()
    return site.session.scalars(select(Command).order_by(Command.requested_at)).all()


def ask(visitor, site, **given):
    return visitor.post(f"/c/{site.slug}/start", {"method": "card", "card": "04a2b39f"} | given)


def test_a_free_station_shows_its_state_and_its_prices_in_the_order_of_the_law(visitor, site):
    site.status("Available")
    page = visitor().text(f"/c/{site.slug}")
    assert "Plaza AC-2" in page
    assert "Ready to charge" in page
    assert re.findall(r"<dt>(Energy|Start|Plugged in without charging)", page) == [
        "Energy",
        "Start",
        "Plugged in without charging",
    ]
    assert "0.49 €" in page
    assert "Prices include 21 % VAT" in page
    assert "20 kWh = 10.15 €" in page  # 20 x 0.49 + 0.35


def test_a_start_without_a_car_is_refused_and_asks_nothing_of_the_station(visitor, site):
    site.status("Available")
    driver = visitor()
    for _ in range(5):  # and does not use up the few starts
        answer = ask(driver, site)
        assert answer.status_code == 409
        assert "Plug in your car first" in told(answer)
    assert orders(site) == []


def test_a_car_that_was_plugged_in_long_ago_is_no_proof_of_presence(visitor, site):
    site.status("Preparing", site.now - timedelta(minutes=6))
    answer = ask(visitor(), site)
    assert answer.status_code == 409
    assert "Unplug, plug in again" in told(answer)


def test_a_plugged_in_car_and_a_known_card_start_and_only_the_starter_follows_it(visitor, site):
    site.status("Preparing")
    driver, stranger = visitor(), visitor()
    answer = ask(driver, site)
    assert answer.status_code == 303
    [order] = orders(site)
    assert (order.kind, order.arguments) == (Kind.START, {"id_tag": "04A2B39F", "evse": 1})
    assert "Asking the station" in driver.text(answer.location)
    assert stranger.get(answer.location).status_code == 404


def test_the_page_leads_on_to_the_session_when_it_is_there(visitor, site):
    site.status("Preparing")
    driver = visitor()
    asked = ask(driver, site).location
    [order] = orders(site)
    order.state, order.awaits = commands.CommandState.ACCEPTED, commands.Effect.TRANSACTION_STARTED
    store(site.session)
    assert "The station says yes" in driver.text(asked)
    transaction = site.begin()
    assert driver.get(asked).location == f"/s/{transaction.secret}"
    assert driver.get(asked, headers={"X-Fragment": "1"}).headers["X-Go-To"] == f"/s/{transaction.secret}"


def test_a_rejected_start_says_so_and_offers_another_try(visitor, site):
    site.status("Preparing")
    driver = visitor()
    asked = ask(driver, site).location
    [order] = orders(site)
    order.state = commands.CommandState.REJECTED
    store(site.session)
    page = driver.text(asked)
    assert "The station said no" in page
    assert "Try again" in page
    assert re.findall(r'<li class="([^"]*)">', page) == ["done", "failed", ""]


def test_a_station_that_reports_a_fault_after_its_yes_is_not_waited_for(visitor, site):
    site.status("Preparing")
    driver = visitor()
    asked = ask(driver, site).location
    [order] = orders(site)
    order.state, order.awaits = commands.CommandState.ACCEPTED, commands.Effect.TRANSACTION_STARTED
    store(site.session)
    assert "Waiting for the car" in driver.text(asked)
    site.status("Faulted")
    page = driver.text(asked)
    assert "The station has reported a fault" in page
    assert re.findall(r'<li class="([^"]*)">', page) == ["done", "done", "failed"]


def test_after_a_failure_the_way_that_was_chosen_is_still_chosen(visitor, site):
    site.charger.policy = AuthorizationPolicy.OPEN
    site.status("Preparing")
    driver = visitor()
    asked = ask(driver, site).location
    orders(site)[-1].state = commands.CommandState.REJECTED
    store(site.session)
    again = re.search(r'href="(/c/[^"]+)"[^>]*>(?:<svg.*?</svg>)?Try again', driver.text(asked)).group(1)
    assert 'value="card" checked' in driver.text(again)
    assert 'value="guest" checked' in driver.text(f"/c/{site.slug}?method=nonsense")


def test_pressing_twice_asks_once_and_nobody_else_can_ask_meanwhile(visitor, site):
    site.status("Preparing")
    driver = visitor()
    first, second = ask(driver, site), ask(driver, site)
    assert first.location == second.location
    answer = ask(visitor(), site)
    assert answer.status_code == 409
    assert "A start has just been asked for here" in told(answer)
    assert len(orders(site)) == 1


@pytest.mark.parametrize("card", ["NOSUCH", "", "0BADCAFE"])
def test_a_card_that_is_not_known_or_blocked_starts_nothing(visitor, site, card):
    site.session.add(IdToken(uid="0BADCAFE", uid_folded="0badcafe", is_allowed=False, created_at=site.now))
    site.status("Preparing")
    answer = ask(visitor(), site, card=card)
    assert answer.status_code == 422
    assert orders(site) == []


def test_guessing_cards_ends_after_five_tries_at_a_connector(visitor, site):
    site.status("Preparing")
    guesser = visitor()
    answers = [ask(guesser, site, card=f"GUESS{number}").status_code for number in range(6)]
    assert answers == [422, 422, 422, 422, 422, 429]
    late = ask(visitor(), site)  # the limit is the connector's, not the browser's
    assert late.status_code == 429
    assert re.search(r"Try again in (9|10) min", told(late))
    assert f'href="/c/{site.slug}"' in told(late)
    assert int(late.headers["Retry-After"]) > 500


def test_whoever_guesses_keeps_nobody_from_starting_who_has_plugged_in(visitor, site):
    site.charger.policy = AuthorizationPolicy.OPEN
    site.status("Available")
    guesser = visitor()
    answers = [ask(guesser, site, station_code=f"WRONG{number}").status_code for number in range(6)]
    assert answers[-1] == 429
    site.status("Preparing")
    for number in range(6):
        ask(guesser, site, card=f"GUESS{number}")
    honest = visitor()
    honest.client.environ_base["REMOTE_ADDR"] = "10.0.0.9"
    assert ask(honest, site, method="guest").status_code == 303


def test_one_address_starts_five_times_at_a_station_and_is_then_told_to_wait(visitor, site):
    site.status("Preparing")
    driver = visitor()
    for _ in range(5):
        assert ask(driver, site).status_code == 303
        orders(site)[-1].state = commands.CommandState.REJECTED
        store(site.session)
    assert ask(driver, site).status_code == 429
    elsewhere = visitor()
    elsewhere.client.environ_base["REMOTE_ADDR"] = "10.0.0.9"
    assert ask(elsewhere, site).status_code == 303


def test_only_a_form_starts(visitor, site):
    site.status("Preparing")
    driver = visitor()
    assert driver.get(f"/c/{site.slug}/start").status_code in (404, 405)
    with driver.app.app_context():
        assert driver.client.post(f"/c/{site.slug}/start", data={"method": "guest"}).status_code == 403
    assert orders(site) == []


def test_an_open_station_starts_without_a_card_under_a_tag_that_soon_expires(visitor, site):
    site.status("Preparing")
    assert ask(visitor(), site, method="guest", card="").status_code == 303
    [order] = orders(site)
    token = site.session.scalar(select(IdToken).where(IdToken.uid == order.arguments["id_tag"]))
    assert token.label == "Guest"
    assert token.expires_at - site.now < timedelta(hours=3)


def test_a_station_for_known_cards_offers_no_start_without_one(visitor, site):
    site.charger.policy = AuthorizationPolicy.KNOWN
    store(site.session)
    site.status("Preparing")
    driver = visitor()
    assert "Without a card" not in driver.text(f"/c/{site.slug}")
    assert ask(driver, site, method="guest", card="").status_code == 422
    assert orders(site) == []


def test_an_account_starts_under_one_tag_of_its_own(visitor, site):
    site.status("Preparing")
    driver = visitor().log_in(accounts_role("driver"), site.account.id)
    assert "My account" in driver.text(f"/c/{site.slug}")
    assert ask(driver, site, method="account", card="").status_code == 303
    [order] = orders(site)
    assert order.arguments["id_tag"].startswith("WEB")
    transaction = site.begin(card=order.arguments["id_tag"])
    assert transaction.account_id == site.account.id
    count = select(func.count()).where(IdToken.label == "Web")
    assert site.session.scalar(count) == 1


def accounts_role(word):
    from csms.domain.accounts import Role

    return Role(word)


def test_of_anothers_session_a_passer_by_learns_only_since_when(visitor, site):
    transaction = site.begin(at=site.now - timedelta(minutes=20))
    site.measure(transaction, 8_654, site.now)
    page = visitor().text(f"/c/{site.slug}")
    assert "In use since" in page
    for private in (transaction.secret, str(transaction.id), "04A2B39F", "Olga", "7.65", "7.654"):
        assert private not in page


def test_the_card_that_charges_opens_its_session_and_another_does_not(visitor, site):
    transaction = site.begin()
    driver = visitor()
    assert driver.post(f"/c/{site.slug}/mine", {"card": "DEADBEEF"}).status_code == 422
    answer = driver.post(f"/c/{site.slug}/mine", {"card": "04a2b39f"})
    assert answer.location == f"/s/{transaction.secret}"
    assert "You are charging here" in driver.text(f"/c/{site.slug}")


def test_an_offline_station_offers_no_start(visitor, site):
    site.status("Available")
    site.charger.lease.online_until = None
    store(site.session)
    page = visitor().text(f"/c/{site.slug}")
    assert "Cannot reach the station" in page
    assert "Start charging" not in page


def test_a_charger_with_two_connectors_asks_which(visitor, session, site):
    charger = make_charger(session, "CP-2", at=site.now, online=True, connectors=2)
    page = visitor().text(f"/c/{charger.slug}")
    assert "Which connector are you at?" in page
    assert all(connector.slug in page for connector in charger.connectors)
    assert "connector 2" in visitor().text(f"/c/{charger.slug}/2")
    assert visitor().get(f"/c/{charger.slug}/3").status_code == 404


@pytest.mark.parametrize("path", ["/ocpp/c/CP-1/", "/ocpp/c/cp-1"])
def test_older_labels_lead_to_the_address_that_does_not_tell_the_identity(visitor, site, path):
    answer = visitor().get(path, follow_redirects=False)
    if answer.status_code == 308:
        answer = visitor().get(answer.location)
    assert answer.location.partition("#")[0] == f"/c/{site.charger.slug}"


def test_an_unknown_address_is_told_in_a_drivers_words(visitor, site):
    answer = visitor().get("/c/nosuchnosuchnosuch")
    assert answer.status_code == 404
    assert "No such station" in told(answer)


def test_the_page_weighs_at_most_30_kb_and_works_without_scripts(visitor, site):
    site.status("Available")
    driver = visitor()
    page = driver.get(f"/c/{site.slug}")
    files = set(re.findall(r'(?:href|src)="(/static/[^"#]+)', page.get_data(as_text=True)))
    sizes = {}
    for file in files:
        with driver.get(file, headers={"Accept-Encoding": "gzip"}) as answer:
            sizes[file] = len(answer.data)
    assert len(files) >= 3
    assert len(page.data) + sum(sizes.values()) <= 30_000, sizes
    assert "Reload to see the newest state" in page.get_data(as_text=True)
    assert not re.findall(r'(?:href|src)="(?:https?:)?//', page.get_data(as_text=True))


def test_without_scripts_a_page_reloads_itself_only_where_nobody_types(visitor, site):
    site.status("Available")
    driver = visitor()
    assert "http-equiv" not in driver.text(f"/c/{site.slug}")
    assert "http-equiv" not in driver.text(f"/c/{site.slug}/trouble")
    site.status("Faulted")
    assert '<noscript><meta http-equiv="refresh"' in driver.text(f"/c/{site.slug}")


def test_what_was_typed_is_still_there_when_it_cannot_be(visitor, site):
    site.charger.policy = AuthorizationPolicy.CREDIT
    store(site.session)
    site.status("Preparing")
    driver = visitor()
    wrong = driver.post(
        f"/c/{site.slug}/start", {"method": "voucher", "code": "ABCD-EFGH-JKMN", "card": "04A2"}
    )
    assert wrong.status_code == 422
    assert 'value="ABCD-EFGH-JKMN"' in told(wrong)
    assert 'value="04A2"' in told(wrong)
    site.status("Available")
    refused = ask(driver, site, card="04A2B39F")
    assert refused.status_code == 409
    assert 'value="04A2B39F"' in told(refused)


def test_a_station_out_of_reach_proposes_no_connector_that_is_out_of_reach_too(visitor, site, session):
    make_charger(session, "CP-9", connectors=2, online=True, at=site.now - timedelta(hours=1))
    store(session)
    gone = session.scalars(select(Connector).where(Connector.evse_number == 2)).one()
    page = visitor().text(f"/c/{gone.slug}")
    assert "Cannot reach the station" in page
    assert "Connector 1" not in page
    assert "Choose another connector." in page
    assert "help line" not in page  # nobody has given one


def test_the_public_stream_says_that_something_changed_and_not_what(visitor, app, site):
    driver = visitor()
    answer = driver.get(f"/c/{site.slug}/live", buffered=False)
    events = iter(answer.response)
    assert "retry" in str(next(events))
    app.extensions["bus"].publish([site.charger.topic])
    event = next(events)
    answer.close()
    text = event.decode() if isinstance(event, bytes) else event
    assert text.split() == ["event:", "station", "id:", "1", "data:"]
