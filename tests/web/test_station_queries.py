"""However much there is to say at a station, its page asks no more of the database than any other page may."""

import pytest
from make import make_charger, store
from sqlalchemy import event, select

from csms.domain import chargers, sites
from csms.domain.accounts import Role
from csms.domain.chargers import AuthorizationPolicy, Connector, ConnectorStatus
from csms.domain.sites import Details
from csms.extensions import db
from tests.web.till import Till

MOST = 12


@pytest.fixture
def slug(app, session, site):
    """The station stands at a public site, has two connectors, takes credit and bank cards; a free one is beside it."""
    found = site.slug
    place = Details("Harbour", city="Port Amber", latitude=25.65, longitude=-100.28, is_public=True)
    harbour = sites.add(session, place, at=site.now)
    beside = make_charger(session, "CP-9", at=site.now, online=True)
    beside.site_id = site.charger.site_id = harbour.id
    site.charger.policy = AuthorizationPolicy.CREDIT
    chargers.connector_of(session, site.charger.id, 2)
    for one in session.scalars(select(Connector)):
        one.status = ConnectorStatus.AVAILABLE
    store(session)
    Till(app, site).set_up()
    return found


def asked(app, driver, path):
    statements = []

    def note(_connection, _cursor, statement, *_):
        if statement != "BEGIN":
            statements.append(statement)

    with app.app_context():
        event.listen(db.engine, "before_cursor_execute", note)
        text = driver.text(path)
        event.remove(db.engine, "before_cursor_execute", note)
    assert "</html>" in text
    return statements


@pytest.mark.parametrize(
    "status", ["Available", "Preparing", "Finishing", "Faulted", "Unavailable", "Charging"]
)
@pytest.mark.parametrize("is_own", [True, False])
def test_the_page_of_a_station_asks_twelve_times_at_most(app, visitor, site, slug, status, is_own):
    driver = visitor().log_in(Role.DRIVER, site.account.id if is_own else None)
    driver.get(f"/c/{slug}")
    transaction = site.begin()
    assert (
        driver.post(f"/c/{slug}/mine", {"card": "04A2B39F"}).status_code == 303
    )  # it knows the browser from now on
    if status != "Charging":
        site.end(transaction, 9_000)
    site.status(status)
    statements = asked(app, driver, f"/c/{slug}")
    assert len(statements) <= MOST, "\n".join(x.replace("\n", " ")[:160] for x in statements)
    assert len(asked(app, visitor(), f"/c/{slug}")) <= MOST
