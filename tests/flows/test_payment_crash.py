"""kill -9 between the steps of a card payment: nothing is taken twice, and no hold is left for ever."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from itertools import product

import pytest

from csms import clock
from csms.domain import tariffs
from csms.domain.payments import settings
from csms.domain.verify import verify
from csms.seal import Seal
from tests.desk import Desk
from tests.flows.sales import GIVEN_BACK, LET_GO, UNANSWERED, Sale
from tests.live import SECRET_KEY
from tests.nursery import ForkedServer
from tests.stripe import KEY, SmallStripe


def places(steps: Sequence[str], asks: Sequence[str]) -> list[str]:
    written = product(("before_commit", "after_commit"), steps)
    asked = product(("before_ask", "after_ask"), asks)
    return [f"{point} {step}" for point, step in (*written, *asked)]


IN_A_SALE = [
    *places([x for x in GIVEN_BACK if x != "start asked"], ["open", "capture", "refund"]),
    UNANSWERED,
]
IN_A_RELEASE = places(["release ordered", "released"], ["release"])


@pytest.fixture
def stripe() -> Iterator[SmallStripe]:
    with SmallStripe() as stripe:
        yield stripe


@pytest.fixture
def server(servers: Callable[..., ForkedServer], stripe: SmallStripe) -> ForkedServer:
    server = servers(STRIPE_URL=stripe.url, PRIVATE_TARGETS="1")
    server.module = "tests.flows.crashing_till"
    server.arguments = (str(server.directory / "fuse"),)
    server.start()
    return server


@pytest.fixture
def desk(server: ForkedServer) -> Iterator[Desk]:
    desk = Desk(server)
    with desk.writing() as session:
        at = clock.now()
        prices = tariffs.simple("EUR", price_per_kwh=Decimal("0.49"), price_per_start=Decimal("0.35"))
        tariffs.create(session, "Public", prices, at=at, is_default=True)
        settings.change(
            session,
            provider="stripe",
            hold_cents=4_000,
            stripe_key_sealed=Seal(SECRET_KEY).close(KEY),
            stripe_signing_sealed=None,
            at=at,
        )
    yield desk
    desk.close()


def sell(sale: Sale, *, is_charged: bool) -> None:
    try:
        sale.pay()
        if is_charged:
            sale.charge()
            sale.refund()
        else:
            sale.refuse()
        sale.check(GIVEN_BACK if is_charged else LET_GO)
    except AssertionError as error:
        raise AssertionError(f"{sale.place}: {error}") from error
    finally:
        sale.close()


def test_a_payment_survives_kill_9_between_all_of_its_steps(
    server: ForkedServer, desk: Desk, stripe: SmallStripe
) -> None:
    """Each place on one of the two databases: all of them on both would take two minutes."""
    first = int(server.database_url.startswith("postgresql"))
    for number, place in enumerate(IN_A_SALE[first::2]):
        sell(Sale(server, desk, stripe, f"SALE-{number}", place), is_charged=True)
    for number, place in enumerate(IN_A_RELEASE[first::2]):
        sell(Sale(server, desk, stripe, f"RELEASE-{number}", place), is_charged=False)
    assert [x.id for x in stripe.intents.values() if x.status == "requires_capture"] == []
    with desk.reading() as session:
        assert verify(session) == []
