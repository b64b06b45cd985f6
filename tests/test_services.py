"""The tests' own footing: a service is used where it answers, and its absence is never silent."""

import psycopg
import pytest

from tests import services

NOWHERE = "postgresql://amber:hidden@127.0.0.1:8349/postgres"


@pytest.fixture(autouse=True)
def elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not in CI, and with both services at a port where nobody listens."""
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.setenv("TEST_POSTGRES_URL", NOWHERE)
    monkeypatch.setenv("TEST_REDIS_URL", "redis://127.0.0.1:8349/0")


def test_a_missing_service_is_missed_with_a_reason_and_without_the_password() -> None:
    for service in (services.postgresql(), services.redis_server()):
        assert service.url is None
        assert "does not answer at" in service.reason
        assert "127.0.0.1:8349" in service.reason
        assert "hidden" not in service.reason


def test_a_missing_service_is_a_failure_in_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    for find in (services.postgresql, services.redis_server):
        with pytest.raises(services.ServiceMissingError, match="in CI it must"):
            find()


@pytest.mark.postgresql
def test_a_scratch_database_is_gone_afterwards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TEST_POSTGRES_URL")
    service = services.postgresql()
    if service.url is None:
        pytest.skip(service.reason)
    with services.scratch_database(service.url) as url:
        address = url.replace("+psycopg", "")
        with psycopg.connect(address) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
    with pytest.raises(psycopg.OperationalError, match="does not exist"):
        psycopg.connect(address)
