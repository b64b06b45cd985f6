"""Charge records on the operators' pages."""

from __future__ import annotations

import csv
import io
from datetime import timedelta

from csms.domain.accounts import Role
from csms.domain.transactions import bill_of


def test_a_session_leads_to_its_record_and_all_of_them_are_exported(visitor, site):
    transaction = site.end(site.begin(at=site.now - timedelta(hours=1)), 19_000)
    total = bill_of(transaction, site.now).total_cents
    olga = visitor().log_in()
    assert f'href="/cdrs?session={transaction.id}"' in olga.text(f"/sessions/{transaction.id}")
    page = olga.text(f"/cdrs?session={transaction.id}")
    address = page.split('<a href="/cdrs/')[1].split('"')[0]
    record = olga.get(f"/cdrs/{address}").json
    assert (record["session_id"], record["cdr_token"]["uid"]) == (str(transaction.id), "04A2B39F")
    assert record["total_cost"]["incl_vat"] == f"{total / 100:.2f}" == "9.17"
    listed = olga.text("/cdrs?charger=cp-1")
    assert f'href="/sessions/{transaction.id}"' in listed
    assert "No charge record" in olga.text("/cdrs?since=2099-01-01")
    text = olga.get("/cdrs/export.csv").get_data(as_text=True).removeprefix("\ufeff")
    (row,) = csv.DictReader(io.StringIO(text))
    assert (row["session"], row["energy_kwh"], row["total_incl_vat"]) == (str(transaction.id), "18", "9.17")
    assert (row["tariff"], row["tariff_version"], row["token"]) == ("Public", "1", "04A2B39F")


def test_accountants_see_records_without_card_numbers(visitor, site):
    site.end(site.begin(at=site.now - timedelta(hours=1)), 19_000)
    anna = visitor().log_in(Role.ACCOUNTANT)
    assert "04A2B39F" not in anna.get("/cdrs/export.csv").get_data(as_text=True)
