"""What an owner sets of the installation, through the API."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from csms.domain.accounts import AuditEntry
from tests.api.caller import Api


def test_what_the_page_sets_a_program_sets_too(owner: Api) -> None:
    before = owner.get("/installation").json
    assert (before["time_zone"], before["help_phone"]) == ("UTC", "")
    change = {"help_phone": "+34 900 000 000", "time_zone": "Europe/Madrid", "distance_unit": "mi"}
    assert owner.patch("/installation", change).status_code == 200
    assert owner.get("/installation").json == before | change


def test_what_receipts_tell_of_the_seller_is_set_with_its_line_breaks(owner: Api) -> None:
    before = owner.get("/installation").json
    assert (before["postal_address"], before["tax_number"]) == ("", "")
    change = {"postal_address": "Calle Mayor 1\n28013 Madrid", "tax_number": "ESB12345678"}
    assert owner.patch("/installation", change).json == before | change
    for wrong, words in (
        ({"postal_address": "\n".join("1234567")}, "at most 6 lines"),
        ({"tax_number": "B" * 41}, "at most 40 printable characters"),
    ):
        refused = owner.patch("/installation", wrong)
        assert refused.status_code == 422
        assert words in refused.text
    assert owner.get("/installation").json == before | change
    assert owner.patch("/installation", {"postal_address": ""}).json["postal_address"] == ""


def test_what_cannot_be_meant_is_refused_by_its_name_and_nothing_is_changed(owner: Api) -> None:
    before = owner.get("/installation").json
    answer = owner.patch("/installation", {"organisation": "Sol", "tile_url": "https://tiles.example.org"})
    assert answer.status_code == 422
    assert "tiles.example.org/{z}/{x}/{y}.png" in answer.text
    assert owner.get("/installation").json == before


def test_what_is_kept_for_how_long_is_set_too(owner: Api, session: Session) -> None:
    given = owner.get("/installation").json
    assert (given["logs_kept_days"], given["readings_kept_days"], given["audit_kept_days"]) == (90, 730, 365)
    answer = owner.patch("/installation", {"logs_kept_days": 30, "backups_kept": 3})
    assert (answer.json["logs_kept_days"], answer.json["log_days"], answer.json["backups_kept"]) == (
        30,
        14,
        3,
    )
    entry = session.scalars(select(AuditEntry).where(AuditEntry.action == "settings.retention")).one()
    assert entry.detail == "logs_kept_days 30, backups_kept 3"
    longer = owner.patch("/installation", {"readings_kept_days": 3650, "audit_kept_days": 3650}).json
    assert (longer["readings_kept_days"], longer["audit_kept_days"]) == (3650, 3650)
    assert owner.patch("/installation", {"audit_kept_days": 30}).status_code == 422
    refused = owner.patch("/installation", {"log_days": 0})
    assert refused.status_code == 422
    assert "whole days from 1 to 3650" in refused.text
