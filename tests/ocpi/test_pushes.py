"""What peers are told by itself: in order, again where it failed, and none waits for another."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from make import store
from sqlalchemy import select

from csms import clock
from csms.domain import sites
from csms.domain.roaming import Peer, published
from csms.domain.roaming.models import Push, PushState, RoamingCursor
from csms.domain.sites import Site
from csms.extensions import db
from csms.roaming import pushing
from tests.emsp import Emsp
from tests.ocpi.conftest import EVSE_UID, Ours, invited


@pytest.fixture
def turn(app, session):
    """One turn of the sender, as it comes every second; `looks`: one at which somebody looks for edits again."""

    def take(*, looks: bool = False) -> None:
        session.rollback()
        if looks:
            cursor = session.get_one(RoamingCursor, published.SOURCE)
            cursor.looked_at -= published.LOOK_EVERY
            store(session)
            session.rollback()
        with app.app_context():
            pushing.gather()
            pushing.send_due(app)
            db.session.remove()

    return take


def told(emsp: Emsp) -> list[Any]:
    found = []
    while not emsp.told.empty():
        found.append(emsp.told.get())
    return found


def test_statuses_sessions_and_records_are_told_once_each(ours: Ours, emsp: Emsp, plaza, turn, session):
    turn()
    told(emsp)
    uuid = session.scalars(select(Site.uuid)).one()
    ours.data("/2.2.1/tokens/NL/EMP/C0FFEE01", "PUT", json=emsp.card("C0FFEE01"))
    theirs = plaza.begin("C0FFEE01", 1_000, at=clock.now())
    turn()
    found = {(x.method, x.path): x.body for x in told(emsp)}
    status = found.pop(("PATCH", f"/2.2.1/locations/ES/AMB/{uuid}/{EVSE_UID}"))
    assert status["status"] == "CHARGING"
    running = found.pop(("PUT", f"/2.2.1/sessions/ES/AMB/{theirs.id}"))
    assert running["status"] == "ACTIVE"
    assert not found
    turn()
    assert told(emsp) == []
    plaza.end(theirs, 9_000)
    plaza.end(plaza.begin("04A2B39F", 9_000), 9_500)  # nobody's business
    turn()
    found = {(x.method, x.path): x.body for x in told(emsp)}
    assert found["PUT", f"/2.2.1/sessions/ES/AMB/{theirs.id}"]["status"] == "COMPLETED"
    record = found["POST", "/2.2.1/cdrs"]
    assert (record["session_id"], record["total_energy"]) == (str(theirs.id), 8.0)
    assert sum(1 for method, _ in found if method == "POST") == 1
    turn()
    assert told(emsp) == []


@pytest.mark.sqlite_is_enough
def test_a_changed_place_is_told_whole(ours: Ours, emsp: Emsp, plaza, turn, session):
    turn()
    told(emsp)
    place = session.scalars(select(Site)).one()
    changed = {x: getattr(place, x) for x in sites.Details.__slots__} | {"city": "Toledo"}
    sites.change(session, place, sites.Details(**changed), at=clock.now())
    store(session)
    turn(looks=True)
    [put] = told(emsp)
    assert (put.method, put.body["city"], len(put.body["evses"])) == ("PUT", "Toledo", 1)
    assert put.path == f"/2.2.1/locations/ES/AMB/{place.uuid}"
    turn(looks=True)
    assert told(emsp) == []


@pytest.mark.sqlite_is_enough
def test_one_peers_trouble_keeps_nothing_from_another(ours: Ours, emsp: Emsp, plaza, turn, session, olga):
    other = invited(olga, "Other Roads")
    with Emsp(party="OTH") as healthy:
        other.register(healthy)
        turn()
        told(emsp), told(healthy)
        emsp.answers.put(503)
        plaza.status("Charging")
        turn()
        assert [x.body["status"] for x in told(healthy)] == ["CHARGING"]
        assert len(told(emsp)) == 1
        plaza.status("Faulted", clock.now() + timedelta(seconds=1))
        turn()
        assert [x.body["status"] for x in told(healthy)] == ["OUTOFORDER"]
        assert told(emsp) == []  # it is left alone for a while
    page = olga.text("/integrations/ocpi")
    assert "Failing" in page
    assert f"evse {EVSE_UID}: 503" in page
    peer = session.scalars(select(Peer).where(Peer.name == "Amber Roads")).one()
    assert peer.failures == 1
    peer.paused_until = clock.now() - timedelta(seconds=1)
    for push in session.scalars(select(Push).where(Push.due_at.is_not(None))):
        push.due_at = peer.paused_until
    store(session)
    turn()
    assert [x.body["status"] for x in told(emsp)] == ["CHARGING", "OUTOFORDER"]
    page = olga.text("/integrations/ocpi")
    assert "Failing" not in page
    assert "503" not in page


@pytest.mark.sqlite_is_enough
def test_what_a_peer_refuses_for_what_it_says_is_not_sent_again_by_itself(
    ours: Ours, emsp: Emsp, plaza, turn, session, olga
):
    turn()
    told(emsp)
    emsp.answers.put(404)
    plaza.status("Charging")
    turn()
    assert len(told(emsp)) == 1
    push = session.scalars(select(Push).order_by(Push.id.desc())).first()
    session.rollback()
    assert (push.state, push.status_code) == (PushState.FAILED, 404)
    page = olga.text(f"/integrations/ocpi/{push.peer_id}")
    assert "Failed" in page
    assert f"evse {EVSE_UID}" in page
    olga.post(f"/integrations/ocpi/{push.peer_id}/pushes/{push.id}/resend")
    turn()
    assert [x.body["status"] for x in told(emsp)] == ["CHARGING"]


@pytest.mark.sqlite_is_enough
@pytest.mark.parametrize(("answer", "state"), [(2001, PushState.FAILED), (3000, PushState.QUEUED)])
def test_trouble_of_the_peers_own_is_no_refusal_where_http_says_200(
    ours: Ours, emsp: Emsp, plaza, turn, session, answer, state
):
    turn()
    told(emsp)
    emsp.answers.put(answer)
    plaza.status("Charging")
    turn()
    push = session.scalars(select(Push).order_by(Push.id.desc())).first()
    session.refresh(push)
    assert (push.state, push.due_at is None) == (state, state is PushState.FAILED)


@pytest.mark.sqlite_is_enough
def test_a_peer_without_receivers_is_told_nothing(olga, emsp: Emsp, plaza, turn):
    emsp.offered = ("credentials SENDER", "tokens SENDER")
    invited(olga).register(emsp)
    turn()
    plaza.status("Charging")
    turn()
    assert told(emsp) == []
