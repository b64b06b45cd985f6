"""What 1.6 messages about transactions do."""

from make import Wire
from sqlalchemy import select

from csms.domain.transactions import Transaction, TransactionState

START = '[2,"%s","StartTransaction",{"connectorId":1,"idTag":"04A2","meterStart":1000,"timestamp":"2026-03-14T09:00:00Z"}]'


def test_a_session_ends_with_the_energy_between_its_registers(wire: Wire) -> None:
    transaction_id = wire.answer(START % "a")[2]["transactionId"]
    stop = {"transactionId": transaction_id, "meterStop": 4500, "timestamp": "2026-03-14T10:00:00Z"}
    assert wire.call("StopTransaction", stop) == {}
    transaction = wire.session.scalars(select(Transaction)).one()
    assert transaction.state is TransactionState.ENDED
    assert transaction.energy_wh == 3500


def test_a_repeated_start_has_one_transaction_whatever_its_message_id(wire: Wire) -> None:
    first = wire.answer(START % "a")
    assert wire.answer(START % "a") == first
    assert wire.answer(START % "b")[2] == first[2]
    assert len(wire.session.scalars(select(Transaction)).all()) == 1
