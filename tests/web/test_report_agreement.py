"""One report in all its shapes: page, CSV, workbook, PDF and API say the same, also where clocks change."""

from __future__ import annotations

import csv
import io
import zipfile
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from flask import Flask
from flask_jwt_extended import create_access_token
from make import NOW, add_session, make_charger, quick_hash, store
from pypdf import PdfReader
from sqlalchemy import select
from sqlalchemy.orm import Session

from csms.domain import reports, tariffs
from csms.domain.accounts import Role
from csms.domain.tariffs import TariffVersion, simple
from csms.domain.transactions import Transaction, refund
from tests.api.caller import Api, begin, make_user

BERLIN = ZoneInfo("Europe/Berlin")
AUTUMN = date(2025, 10, 26)  # 25 hours
QUERY = "since=2025-10-25&until=2025-10-27&group=day"


def at(day: date, hour: int, fold: int = 0) -> datetime:
    return datetime.combine(day, time(hour, 30), BERLIN).replace(fold=fold).astimezone(UTC)


@pytest.fixture
def autumn(app: Flask, session: Session) -> None:
    """A session before midnight that ends after it; two in the hour that comes twice; one in francs."""
    app.extensions["settings"] = replace(app.extensions["settings"], time_zone=BERLIN)
    begin(session)
    charger = make_charger(session, at=at(AUTUMN, 0) - timedelta(days=9))
    versions = {}
    for currency in ("EUR", "CHF"):
        terms = simple(currency, price_per_kwh=Decimal("0.50"), vat_percent=Decimal(19))
        tariffs.create(session, currency, terms, at=NOW)
        session.flush()
    for version in session.scalars(select(TariffVersion)):
        versions[version.currency] = version.id
    saturday = AUTUMN - timedelta(days=1)
    told: list[tuple[datetime, datetime, int, str]] = [
        (at(saturday, 23), at(AUTUMN, 1), 10_010, "EUR"),
        (at(AUTUMN, 1), at(AUTUMN, 2), 333, "EUR"),
        (at(AUTUMN, 2), at(AUTUMN, 2, 1), 667, "EUR"),
        (at(AUTUMN, 22), at(AUTUMN + timedelta(days=1), 0), 4_000, "CHF"),
    ]
    for number, (started_at, ended_at, energy_wh, currency) in enumerate(told, 1):
        cents = energy_wh * 50 // 1000
        line = {
            "kind": "energy",
            "quantity": str(energy_wh / 1000),
            "unit": "kWh",
            "price": "0.50",
            "cents": cents,
        }
        add_session(
            session,
            number,
            charger_id=charger.id,
            started_at=started_at,
            ended_at=ended_at,
            energy_wh=energy_wh,
            cost_cents=cents,
            bill=[line],
            tariff_version_id=versions[currency],
        )
    store(session)
    while reports.count_sessions(session, NOW):
        pass
    store(session)


def rows_of(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text.removeprefix("\ufeff"))))


def figures(row: dict[str, str]) -> list[str]:
    return [f"{float(row[x]):g}" for x in ("energy_kwh", "revenue_EUR", "revenue_CHF")]


def numbers_of(book: bytes) -> str:
    with zipfile.ZipFile(io.BytesIO(book)) as parts:
        return parts.read("xl/worksheets/sheet1.xml").decode()


def test_page_files_and_api_say_the_same(autumn: None, visitor: Any, app: Flask, session: Session) -> None:
    ada = visitor().log_in()
    head, *lines, total = rows_of(ada.get(f"/reports/sessions.csv?{QUERY}").text)
    by_day = {x[0]: dict(zip(head, x, strict=True)) for x in lines}
    assert [x["sessions"] for x in by_day.values()] == ["0", "3", "1"]
    sunday = by_day["2025-10-26"]
    assert figures(sunday) == ["11.01", "5.49", "0"]
    assert float(sunday["hours"]) == 4  # 2, 1, and 1 from half past two to half past two
    whole = dict(zip(head, total, strict=True))
    assert figures(whole) == ["15.01", "5.49", "2"]
    assert sum(Decimal(x["energy_kwh"]) for x in by_day.values()) == Decimal(whole["energy_kwh"])
    page = ada.text(f"/reports?{QUERY}").replace("\u00a0", " ").replace("\u202f", " ")
    pdf = "".join(
        x.extract_text() for x in PdfReader(io.BytesIO(ada.get(f"/reports/sessions.pdf?{QUERY}").data)).pages
    )
    for words in ("15.01 kWh", "5.49 €", "2.00 CHF"):
        assert words in page
        assert words in pdf.replace("\u00a0", " ").replace("\u202f", " ")
    book = numbers_of(ada.get(f"/reports/sessions.xlsx?{QUERY}").data)
    for value in ("15.01", "5.49", "11.01"):
        assert f"<v>{value}</v>" in book
    user = make_user(session, Role.ACCOUNTANT, quick_hash("unused"))
    owner = Api(app.test_client(), session, create_access_token(user))
    told = owner.get(f"/reports/sessions?{QUERY}").json
    assert told["total"]["energy_wh"] == 15_010
    assert sorted(x["amount"] for x in told["total"]["revenue"]) == ["2.00", "5.49"]
    assert [x["energy_wh"] for x in told["data"]] == [0, 11_010, 4_000]


def test_what_is_given_back_later_lessens_the_day_of_the_session(
    autumn: None, visitor: Any, session: Session
) -> None:
    begin(session)
    refund(session, session.get_one(Transaction, 1), cents=100, reason="slow", by="olga", at=NOW)
    store(session)
    begin(session)
    while reports.count_sessions(session, NOW):
        pass
    store(session)
    head, *lines, total = rows_of(visitor().log_in().get(f"/reports/sessions.csv?{QUERY}").text)
    sunday = dict(zip(head, lines[1], strict=True))
    assert sunday["revenue_EUR"] == dict(zip(head, total, strict=True))["revenue_EUR"] == "4.49"
