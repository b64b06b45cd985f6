"""A server that dies between the steps of a payment, and the bank that sees what it has asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from csms import clock
from csms.domain.payments import settings
from csms.seal import Seal
from tests.desk import Desk
from tests.live import SECRET_KEY
from tests.nursery import ForkedServer
from tests.stripe import KEY, SmallStripe


@pytest.fixture
def stripe() -> Iterator[SmallStripe]:
    with SmallStripe() as stripe:
        yield stripe


@pytest.fixture
def dying_server(servers: Callable[..., ForkedServer], stripe: SmallStripe) -> ForkedServer:
    server = servers(STRIPE_URL=stripe.url, PRIVATE_TARGETS="1")
    server.module = "tests.flows.crashing_till"
    server.arguments = (str(server.directory / "fuse"),)
    server.start()
    return server


@pytest.fixture
def till(dying_server: ForkedServer) -> Iterator[Desk]:
    """An operator of the `dying_server`, who is paid through `stripe`."""
    desk = Desk(dying_server)
    with desk.writing() as session:
        settings.change(
            session,
            provider="stripe",
            hold_cents=4_000,
            stripe_key_sealed=Seal(SECRET_KEY).close(KEY),
            stripe_signing_sealed=None,
            at=clock.now(),
        )
    yield desk
    desk.close()
