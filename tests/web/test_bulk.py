"""One thing for many chargers, from the list to what came of it."""

from __future__ import annotations

import re
from decimal import Decimal

from flask import Flask
from make import make_charger
from sqlalchemy import event, insert, inspect
from sqlalchemy.orm import Session

from csms import clock
from csms.domain import batches, commands, tariffs
from csms.domain.accounts import Role
from csms.domain.chargers import Admission, Charger
from csms.domain.commands import CommandState
from csms.domain.tariffs import simple
from csms.extensions import db
from tests.web.browser import Browser, logged_in, publish

PRICES = simple("EUR", Decimal("0.49"), Decimal(0), Decimal(0), 0, Decimal(0), Decimal(21))


def _fleet(session: Session) -> tuple[list[int], int]:
    """(three chargers that are online, one that is not)."""
    at = clock.now()
    online = [make_charger(session, f"CP-{x}", at=at, online=True, connectors=2).id for x in (1, 2, 3)]
    gone = make_charger(session, "GONE", at=at).id
    publish(session)
    return online, gone


def _ids(ids: list[int]) -> str:
    return "&".join(f"id={x}" for x in ids)


def _turned(session: Session) -> None:
    """What the job does."""
    session.rollback()
    session.connection(execution_options={"writes": True})
    batches.advance(session, clock.now())
    publish(session)


def _newest(session: Session) -> batches.Batch:
    session.rollback()
    return batches.queries.recent(session, limit=1)[0]


def test_what_can_be_done_is_offered_for_those_who_were_ticked(session: Session, olga: Browser) -> None:
    ids, _ = _fleet(session)
    page = olga.read(f"/chargers/bulk?{_ids(ids[:2])}")
    assert "2 chargers chosen" in page
    for words in ("Reset, softly", "Out of service", "Set a configuration key", "Add tags", "Set the tariff"):
        assert words in page
    answer = olga.open("/chargers/bulk")
    assert answer.status_code == 302
    assert "Choose chargers first" in olga.read("/chargers?status=all")


def test_a_reset_is_previewed_confirmed_by_the_count_and_followed(session: Session, olga: Browser) -> None:
    ids, gone = _fleet(session)
    address = f"/chargers/bulk/reset-soft?{_ids([*ids, gone])}"
    page = olga.read(address)
    assert "Type 3 to confirm" in page
    assert "Offline" in page
    assert "GONE" in page
    refused = olga.send(address, what="begin", typed="4")
    assert refused.status_code == 422
    assert "Type 3 to confirm" in refused.text
    begun = olga.send(address, what="begin", typed="3")
    assert begun.status_code == 302
    here = begun.headers["Location"]
    assert "3" in olga.read(here)
    assert "Not sent yet" in olga.read(here)
    _turned(session)
    page = olga.read(here)
    assert "Queued" in page
    assert "Left out" in page
    assert "It is offline." in page
    assert "Reset, softly" in olga.read("/commands")
    assert "Reset, softly" in olga.read("/commands/batches")


def test_the_filter_of_the_list_is_what_all_that_match_means(session: Session, olga: Browser) -> None:
    _fleet(session)
    page = olga.read("/chargers?q=CP-")
    found = re.search(r'href="(/chargers/bulk\?[^"]+)"', page)
    assert found is not None
    assert "All 3 that match" in page
    assert "3 chargers chosen" in olga.read(found[1].replace("&amp;", "&"))


def test_a_pace_is_kept_and_the_rest_can_be_cancelled(session: Session, olga: Browser) -> None:
    ids, _ = _fleet(session)
    form = {"what": "begin", "message": "Heartbeat", "per_minute": "1"}
    here = olga.send(f"/chargers/bulk/trigger?{_ids(ids)}", **form).headers["Location"]
    _turned(session)
    _turned(session)
    assert "2 not sent yet" in olga.read("/commands")
    assert olga.send(f"{here}/cancel").status_code == 302
    page = olga.read(here)
    assert "Cancelled: 2 will not be asked." in page
    assert "Cancelled before it was asked." in page
    assert len(commands.recent(session)) == 1


def test_the_failed_are_asked_again_and_all_of_it_can_be_repeated(session: Session, olga: Browser) -> None:
    ids, _ = _fleet(session)
    form = {"what": "begin", "name": "MeterValueSampleInterval", "value": "30", "typed": "3"}
    here = olga.send(f"/chargers/bulk/set-configuration?{_ids(ids)}", **form).headers["Location"]
    _turned(session)
    session.connection(execution_options={"writes": True})
    for command in commands.recent(session):
        is_bad = command.charger_id == ids[0]
        state = CommandState.REJECTED if is_bad else CommandState.ACCEPTED
        commands.settle_answer(session, command, state=state, status=state.title(), answer={}, at=clock.now())
    publish(session)
    page = olga.read(here)
    assert "Retry the failed" in page
    assert "The charger said no." in page
    assert "CP-1" not in olga.read(f"{here}?outcome=accepted").split("<table")[1]
    told = olga.read(f"{here}/export.csv?outcome=rejected").splitlines()
    assert [x.split(",")[1:5] for x in told] == [
        ["identity", "connector", "outcome", "detail"],
        ["CP-1", "", "rejected", "The charger said no. The answer came late."],
    ]
    assert len(olga.read(f"{here}/export.csv").splitlines()) == 4
    clone = re.search(r'href="(/chargers/bulk/set-configuration\?batch=[^"]+)"', page)
    assert clone is not None
    again = olga.read(clone[1])
    assert 'value="MeterValueSampleInterval"' in again
    assert "Type 3 to confirm" in again
    assert olga.send(f"{here}/retry").status_code == 302
    newest = _newest(session)
    assert newest.source_id == here.rpartition("/")[2]
    assert batches.queries.charger_ids(session, newest) == [ids[0]]


def test_waiting_chargers_are_let_in_together(session: Session, olga: Browser) -> None:
    waiting = [make_charger(session, f"NEW-{x}", admission=Admission.PENDING).id for x in (1, 2)]
    inside = make_charger(session, "IN").id
    publish(session)
    address = f"/chargers/bulk/adopt?{_ids([*waiting, inside])}"
    assert "It is let in already." in olga.read(address)
    assert olga.send(address, what="begin").status_code == 302
    session.rollback()
    assert {session.get_one(Charger, x).admission for x in waiting} == {Admission.ACCEPTED}
    reject = f"/chargers/bulk/reject?{_ids(waiting)}"
    assert olga.send(reject, what="begin", typed="1").status_code == 422
    assert olga.send(reject, what="begin", typed="2").status_code == 302
    session.rollback()
    assert {session.get_one(Charger, x).admission for x in waiting} == {Admission.REJECTED}


def test_tags_site_and_tariff_are_set_for_many(session: Session, olga: Browser) -> None:
    ids, _ = _fleet(session)
    session.connection(execution_options={"writes": True})
    tariff = tariffs.create(session, "Night", PRICES, at=clock.now())
    publish(session)
    chosen = _ids(ids[:2])
    assert olga.send(f"/chargers/bulk/tag?{chosen}", what="begin", tags="Roof, DC fast").status_code == 302
    assert olga.send(f"/chargers/bulk/tag?{chosen}", what="begin", tags=" ").status_code == 422
    assert olga.send(f"/chargers/bulk/site?{chosen}", what="begin", site="Garage").status_code == 302
    assert (
        olga.send(f"/chargers/bulk/tariff?{chosen}", what="begin", tariff=str(tariff.id)).status_code == 302
    )
    session.rollback()
    changed = [session.get_one(Charger, x) for x in ids[:2]]
    assert [[y.tag for y in x.tags] for x in changed] == [["dc fast", "roof"]] * 2
    assert {x.site_name for x in changed} == {"Garage"}
    assert {x.tariff_id for x in changed} == {tariff.id}
    assert session.get_one(Charger, ids[2]).tags == []
    assert olga.send(f"/chargers/bulk/untag?{chosen}", what="begin", tags="roof").status_code == 302
    session.rollback()
    assert [y.tag for y in session.get_one(Charger, ids[0]).tags] == ["dc fast"]
    assert "CP-3" not in olga.read("/chargers?tag=dc+fast")


def test_only_those_who_may_edit_change_what_is_kept(app: Flask, session: Session) -> None:
    ids, _ = _fleet(session)
    support = logged_in(app, session, Role.SUPPORT, "sam")
    page = support.read(f"/chargers/bulk?{_ids(ids)}")
    assert "Reset, softly" in page
    assert "Add tags" not in page
    assert support.open(f"/chargers/bulk/tag?{_ids(ids)}").status_code == 404
    assert support.open("/chargers/bulk/nonsense?id=1").status_code == 404


def test_readers_see_batches_and_order_nothing(app: Flask, session: Session, olga: Browser) -> None:
    ids, _ = _fleet(session)
    here = olga.send(f"/chargers/bulk/clear-cache?{_ids(ids)}", what="begin").headers["Location"]
    reader = logged_in(app, session, Role.READ_ONLY, "rita")
    assert "Cancel the rest" not in reader.read(here)
    assert reader.send(f"{here}/cancel").status_code == 404
    assert reader.open(f"/chargers/bulk?{_ids(ids)}").status_code == 404
    assert 'type="checkbox" name="id"' not in reader.read("/chargers?status=all")


def test_a_form_asks_for_keys_with_an_empty_field(session: Session, olga: Browser) -> None:
    ids, _ = _fleet(session)
    page = olga.read(f"/chargers/bulk/read-configuration?{_ids(ids)}")
    assert re.search(r'name="keys"[^>]*value=""|value=""[^>]*name="keys"', page)
    assert 'id="keys-error"' not in page


def test_the_preview_of_an_order_to_many_keeps_to_its_queries(session: Session, olga: Browser) -> None:
    at = clock.now()
    charger = make_charger(session, "CP-0", at=at)
    model = {x.key: getattr(charger, x.key) for x in inspect(Charger).columns if x.key != "id"}
    own = {"identity": "CP-{}", "identity_folded": "cp-{}", "slug": "cp-{}", "own_tag": "OWN{}"}
    session.execute(
        insert(Charger),
        [model | {name: value.format(n) for name, value in own.items()} for n in range(1, 1200)],
    )
    publish(session)
    asked: list[str] = []
    event.listen(db.engine, "before_cursor_execute", note := lambda *given: asked.append(given[2]))
    pages = [olga.read(f"/chargers/bulk/{name}?all=1") for name in ("reset-soft", "trigger", "reject")]
    event.remove(db.engine, "before_cursor_execute", note)
    assert all("1,200" in x.replace("\u202f", ",") for x in pages)
    assert len([x for x in asked if x != "BEGIN"]) <= 12 * len(pages)
