"""MeterValues: every reading is kept once, and moves just the session that it belongs to."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import orjson
import pytest
from make import NOW, Wire, make_charger, make_wire
from sqlalchemy.orm import Session
from story import Story, energy

from csms.domain.transactions import Flag

TEN = "2026-03-14T09:10:00Z"
TWENTY = "2026-03-14T09:20:00Z"


def sampled(measurand: str, value: object, **more: Any) -> dict[str, Any]:
    return {"measurand": measurand, "value": value} | more


def phases(measurand: str, *values: str, **more: Any) -> list[dict[str, Any]]:
    return [sampled(measurand, value, phase=f"L{n}", **more) for n, value in enumerate(values, 1)]


@pytest.mark.seed("all", "Units")
@pytest.mark.parametrize(
    "samples",
    [
        [{"value": "3500"}],  # measurand and unit have defaults (1.6 §7.43)
        [energy("3.5", unit="kWh")],
        [energy(3500)],
        [energy("3500.4", format="Raw", context="Sample.Clock", location="Outlet")],
        phases("Energy.Active.Import.Register", "1", "1.5", "1", unit="kWh"),
        [*phases("Energy.Active.Import.Register", "9", "9", "9"), energy("3500")],
        [energy("99999", location="Inlet"), energy("3500", location="Outlet")],
        [energy("1000", context="Transaction.Begin"), energy("3500", context="Transaction.End")],
    ],
    ids=["defaults", "kwh", "number", "raw", "phases", "total-beats-phases", "outlet", "newest"],
)
def test_energy_is_stored_in_wh_however_it_is_told(story: Story, samples: list[dict[str, Any]]) -> None:
    transaction_id = story.start(meter=1000)
    story.read(TEN, *samples, transactionId=transaction_id)
    assert story.readings()[0].energy_wh == 3500
    assert story.transaction().energy_wh == 2500


def test_what_is_shown_live_comes_from_the_newest_reading(story: Story) -> None:
    story.start()
    power = phases("Power.Active.Import", "2", "2.5", "2", unit="kW")
    voltage = phases("Voltage", "229", "230", "231", unit="V")
    current = phases("Current.Import", "9", "11", "9", unit="A")
    story.read(TEN, *power, *voltage, *current, sampled("SoC", "55", unit="Percent"))
    transaction = story.transaction()
    assert (transaction.power_w, transaction.voltage_v, transaction.current_a) == (6500, 230, 11)
    assert transaction.soc_percent == 55


def test_readings_without_energy_never_move_the_energy(story: Story) -> None:  # must-pass 13
    transaction_id = story.start(meter=1000)
    story.read(TEN, sampled("SoC", "55"), sampled("Temperature", "31", unit="Celcius"))
    story.read(
        TEN,
        sampled("Energy.Active.Export.Register", "99000"),
        sampled("Energy.Reactive.Import.Register", "7"),
    )
    assert story.transaction().energy_wh == 0
    assert story.readings()[0].temperature_c == 31
    story.stop(transaction_id, 4500)
    assert story.transaction().energy_wh == 3500


def test_intervals_are_added_up_and_a_repeated_one_only_once(story: Story) -> None:
    transaction_id = story.start(meter=1000)
    for at, wh in ((TEN, "500"), (TWENTY, "0.7"), (TWENTY, "0.7")):
        unit = "kWh" if "." in wh else "Wh"
        story.read(at, sampled("Energy.Active.Import.Interval", wh, unit=unit), transactionId=transaction_id)
    assert story.transaction().energy_wh == 1200
    story.stop(transaction_id, 2200)
    assert story.transaction().energy_wh == 1200


def test_an_absurd_interval_is_flagged_and_not_counted(story: Story) -> None:
    story.start(meter=1000)
    story.read(TEN, sampled("Energy.Active.Import.Interval", "1e9"))
    assert (story.transaction().energy_wh, story.transaction().flags) == (0, [Flag.METER_IMPLAUSIBLE])


def test_the_same_message_again_is_one_reading_under_whatever_id(wire: Wire) -> None:
    payload = {"connectorId": 1, "meterValue": [{"timestamp": TEN, "sampledValue": [energy("3500")]}]}
    for message_id in ("1", "1", "2"):
        assert wire.answer(json.dumps([2, message_id, "MeterValues", payload])) == [3, message_id, {}]
    assert len(Story(wire).readings()) == 1


def test_signed_data_is_kept_byte_for_byte_and_never_read_as_a_number(story: Story) -> None:  # S26
    signed = 'OCMF|{"FV":"1.0","RV":1234.5,"RU":"kWh"}|{"SD":"' + "QUJD/+==" * 280 + '"}'
    story.start(meter=1000)
    story.read(TEN, energy(signed, format="SignedData", unit="kWh"), energy("99", format="SignedData"))
    samples = orjson.loads(story.readings()[0].samples)
    assert samples[0]["raw"] == signed
    assert [x["value"] for x in samples] == [None, None]
    assert story.transaction().energy_wh == 0


@pytest.mark.parametrize(
    ("sample", "value", "unit"),
    [
        (sampled("Temperature", "21.5", unit="Celcius"), 21.5, "°C"),  # F55
        (sampled("Temperature", "21.5", unit="Celsius"), 21.5, "°C"),
        (sampled("Temperature", "50", unit="Fahrenheit"), 10, "°C"),
        (sampled("Temperature", "300", unit="K"), pytest.approx(26.85), "°C"),
        (sampled("Frequency", "50", unit="Hertz"), 50, "Hz"),
        (sampled("Power.Active.Import", "2", unit="Horses"), 2, "Horses"),
        (sampled("Vibes", "2"), 2, ""),
        (energy("12,5"), 12.5, "Wh"),
        (energy("1,250"), None, "Wh"),
        (energy(""), None, "Wh"),
        (energy("nan"), None, "Wh"),
        (energy("1e300"), None, "Wh"),
        (energy(None), None, "Wh"),
        ({"value": "1", "measurand": 5, "unit": ["x"], "phase": {}, "context": 7}, 1, ""),
    ],
)
def test_what_a_sample_says_is_kept_with_its_own_words(
    story: Story, sample: dict[str, Any], value: float | None, unit: str
) -> None:
    story.read(TEN, sample)
    (kept,) = orjson.loads(story.readings()[0].samples)
    assert (kept["value"], kept["unit"]) == (value, unit)
    assert kept["raw"] == ("" if sample["value"] is None else sample["value"])


def test_a_register_that_begins_again_goes_on_counting_from_there(story: Story) -> None:  # F52
    transaction_id = story.start(meter=100_000)
    story.read("2026-03-14T09:10:00Z", energy("104000"), transactionId=transaction_id)
    story.read("2026-03-14T09:20:00Z", energy("0"), transactionId=transaction_id)
    story.read("2026-03-14T09:30:00Z", energy("1500"), transactionId=transaction_id)
    story.stop(transaction_id, 2000)
    assert (story.transaction().energy_wh, story.transaction().flags) == (6000, [Flag.METER_RESET])


def test_a_begin_at_zero_on_an_old_meter_is_no_energy(story: Story) -> None:  # must-pass 12
    transaction_id = story.start(meter=0)
    story.read("2026-03-14T09:00:10Z", energy("909865"), transactionId=transaction_id)
    story.stop(transaction_id, 909_948)
    assert (story.transaction().energy_wh, story.transaction().flags) == (83, [Flag.METER_IMPLAUSIBLE])


def test_a_reading_that_jumps_up_and_back_does_not_change_the_bill(story: Story) -> None:
    transaction_id = story.start(meter=1000)
    story.read(TEN, energy("9000"), transactionId=transaction_id)
    story.read(TWENTY, energy("2000"), transactionId=transaction_id)
    story.stop(transaction_id, 4500)
    assert (story.transaction().energy_wh, story.transaction().flags) == (3500, [Flag.METER_BACKWARDS])


@pytest.mark.parametrize("value", ["-5", "1e15", "140"])
def test_absurd_figures_are_kept_and_not_believed(story: Story, value: str) -> None:  # F53
    transaction_id = story.start(meter=1000)
    story.read(TEN, energy(value), sampled("SoC", "140"), transactionId=transaction_id)
    assert story.transaction().soc_percent is None
    assert story.transaction().energy_wh == 0
    assert len(story.readings()) == 1


def test_a_clock_of_1970_keeps_its_text_and_counts_by_the_time_of_receipt(story: Story) -> None:  # F56
    transaction_id = story.start(meter=1000)
    story.read("1970-01-01T00:00:42Z", energy("2000"), transactionId=transaction_id)
    reading = story.readings()[0]
    assert (reading.measured_text, reading.measured_at) == ("1970-01-01T00:00:42Z", reading.received_at)
    assert story.transaction().energy_wh == 1000


def test_without_a_transaction_id_it_belongs_to_what_is_open_on_the_connector(story: Story) -> None:  # F49
    first = story.start(connector=1, meter=1000)
    story.start(connector=2, meter=1000)
    story.read(TEN, energy("1700"), connector=1)
    assert story.transaction(first).energy_wh == 700
    assert story.readings()[0].transaction_id == first


def test_a_reading_older_than_the_open_session_is_not_its(story: Story) -> None:  # F49
    story.start(meter=1000)
    story.read("2026-03-14T08:00:00Z", energy("900"))
    assert story.readings()[0].transaction_id is None


@pytest.mark.parametrize("connector", [0, 33, 2**40, -1, "x"])
def test_the_chargers_own_meter_belongs_to_no_session(story: Story, connector: Any) -> None:  # F49
    story.start(meter=1000)
    story.read(TEN, energy("55000"), connector=connector)
    assert story.transaction().energy_wh == 0
    assert (story.readings()[0].transaction_id, story.readings()[0].connector_id) == (None, None)


def test_connector_seven_of_two_comes_into_being(story: Story) -> None:  # F49
    story.read(TEN, energy("3500"), connector=7)
    assert story.readings()[0].connector_id is not None


@pytest.mark.parametrize("reference", [0, 12345, 2**63 - 1, 2**70, "abc", "\x00"])
def test_an_unknown_transaction_id_moves_nothing_and_is_kept_beside_the_reading(  # F45, F49
    story: Story, reference: object
) -> None:
    story.start(meter=1000)
    story.read(TEN, energy("3500"), transactionId=reference)
    reading = story.readings()[0]
    assert (reading.transaction_id, story.transaction().energy_wh) == (None, 0)
    assert reading.reference


def test_minus_one_means_the_session_that_is_open_on_the_connector(story: Story) -> None:  # F44
    first = story.start(connector=1, meter=1000)
    story.start(connector=2, meter=1000)
    story.read(TEN, energy("1700"), connector=1, transactionId=-1)
    assert story.transaction(first).energy_wh == 700


def test_another_chargers_transaction_is_not_moved(session: Session, story: Story) -> None:  # F51
    transaction_id = story.start(meter=1000)
    other = Story(make_wire(session, make_charger(session, "CP-2", online=True)))
    other.read(TEN, energy("3500"), transactionId=transaction_id)
    assert story.transaction().energy_wh == 0


def test_readings_after_the_stop_are_kept_and_change_nothing(story: Story) -> None:
    transaction_id = story.start(meter=1000)
    story.stop(transaction_id, 4500)
    story.read("2026-03-14T10:00:01Z", energy("4600"), transactionId=transaction_id)
    assert story.transaction().energy_wh == 3500
    assert story.readings()[0].transaction_id == transaction_id


def test_an_older_reading_that_comes_later_changes_nothing(story: Story) -> None:
    transaction_id = story.start(meter=1000)
    story.read(TWENTY, energy("2000"), transactionId=transaction_id)
    story.read(TEN, energy("1500"), transactionId=transaction_id)
    assert (story.transaction().energy_wh, story.transaction().flags) == (1000, [])


@pytest.mark.parametrize("values", [[], [{}], [{"timestamp": TEN, "sampledValue": []}], "none", [7]])
def test_a_message_without_a_reading_is_confirmed(story: Story, values: object) -> None:  # F42
    assert story.tell("MeterValues", {"connectorId": 1, "meterValue": values}) == {}
    assert story.readings() == []


def test_five_hundred_readings_of_a_queue_are_all_kept_in_order(story: Story) -> None:  # must-pass 8
    begin = NOW - timedelta(hours=12)
    transaction_id = story.start(meter=0, at=begin.isoformat())
    values = [
        {"timestamp": (begin + timedelta(seconds=20 * n)).isoformat(), "sampledValue": [energy(n * 20)]}
        for n in range(1, 501)
    ]
    for first in range(0, 500, 100):
        part = {"connectorId": 1, "transactionId": transaction_id, "meterValue": values[first : first + 100]}
        story.tell("MeterValues", part)
    assert len(story.readings()) == 500
    assert (story.transaction().energy_wh, story.transaction().flags) == (10_000, [])
