"""kill -9 between the steps of a card payment: nothing is taken twice, and no hold is left for ever."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from itertools import product

from csms import clock
from csms.domain import tariffs
from csms.domain.verify import verify
from tests.desk import Desk
from tests.flows.sales import GIVEN_BACK, LET_GO, UNANSWERED, Sale
from tests.nursery import ForkedServer
from tests.stripe import SmallStripe


def places(steps: Sequence[str], asks: Sequence[str]) -> list[str]:
    written = product(("before_commit", "after_commit"), steps)
    asked = product(("before_ask", "after_ask"), asks)
    return [f"{point} {step}" for point, step in (*written, *asked)]


IN_A_SALE = [
    *places([x for x in GIVEN_BACK if x != "start asked"], ["open", "capture", "refund"]),
    UNANSWERED,
]
IN_A_RELEASE = places(["release ordered", "released"], ["release"])


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
    dying_server: ForkedServer, till: Desk, stripe: SmallStripe
) -> None:
    """Each place on one of the two databases: all of them on both would take two minutes."""
    with till.writing() as session:
        prices = tariffs.simple("EUR", price_per_kwh=Decimal("0.49"), price_per_start=Decimal("0.35"))
        tariffs.create(session, "Public", prices, at=clock.now(), is_default=True)
    first = int(dying_server.database_url.startswith("postgresql"))
    for number, place in enumerate(IN_A_SALE[first::2]):
        sell(Sale(dying_server, till, stripe, f"SALE-{number}", place), is_charged=True)
    for number, place in enumerate(IN_A_RELEASE[first::2]):
        sell(Sale(dying_server, till, stripe, f"RELEASE-{number}", place), is_charged=False)
    assert [x.id for x in stripe.intents.values() if x.status == "requires_capture"] == []
    with till.reading() as session:
        assert verify(session) == []
