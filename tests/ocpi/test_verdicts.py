"""What peers have said about cards is kept where a session began on it, and else forgotten."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import select

from csms import clock, jobs
from csms.domain.roaming import authorization
from csms.domain.roaming.authorization import Said
from csms.domain.roaming.models import RoamingCard, RoamingVerdict
from tests.emsp import Emsp
from tests.make import store
from tests.ocpi.conftest import Ours


def test_only_old_words_on_which_no_session_began_are_forgotten(ours: Ours, emsp: Emsp, plaza, session):
    ours.data("/2.2.1/tokens/NL/EMP/C0FFEE01", "PUT", json=emsp.card("C0FFEE01"))
    card_id = session.scalars(select(RoamingCard.id)).one()
    now = clock.now()
    for words, at in (
        ("charged", now - timedelta(days=400)),
        ("did not", now - timedelta(days=300)),
        ("lately", now - timedelta(days=1)),
    ):
        authorization.note(session, card_id, Said("ALLOWED", words), at=at)
    store(session)
    plaza.begin("C0FFEE01", 1_000, at=now - timedelta(days=400) + timedelta(seconds=5))
    assert jobs.forget_verdicts(session, now) == 1
    assert session.scalars(select(RoamingVerdict.reference).order_by(RoamingVerdict.id)).all() == [
        "charged",
        "lately",
    ]
