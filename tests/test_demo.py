"""The demonstration's town says of its chargers what they are."""

from sqlalchemy import select

from csms import clock
from csms.demo import furnish
from csms.domain.chargers import Connector


def test_what_is_called_dc_gives_it_at_every_connector(session):
    furnish(session, 12, (25.6866, -100.3161), "EUR", at=clock.now())
    found = session.scalars(select(Connector)).all()
    assert len(found) == 24
    for connector in found:
        name = connector.charger.title
        assert connector.type == ("CCS 2" if "DC" in name else "Type 2"), name
        assert connector.max_power_w >= (50_000 if "DC" in name else 11_000), name
