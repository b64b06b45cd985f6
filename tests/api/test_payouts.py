"""What the provider transfers to the bank, as a program that keeps books reads it."""

from __future__ import annotations

from decimal import Decimal

from flask import Flask
from make import NOW, store
from sqlalchemy.orm import Session

from csms.domain.payments import LineKind, LineTold, PayoutState, PayoutTold, payouts
from tests.api.caller import Api, begin
from tests.web.site import make_site
from tests.web.till import Till

LINES = (
    LineTold("txn_1", LineKind.CAPTURE, 1_525, 46, NOW, intent="pi_elsewhere"),
    LineTold("txn_2", LineKind.REFUND, -200, 0, NOW, intent="pi_elsewhere"),
    LineTold("txn_3", LineKind.FEE, -100, 0, NOW, note="Billing of October"),
    LineTold("txn_4", LineKind.OTHER, -500, 15, NOW, note="Dispute"),
)


def keep(session: Session, reference: str, day: int, currency: str = "EUR", cents: int = 664) -> int:
    arrives_on = NOW.date().replace(day=day)
    told = PayoutTold(reference, PayoutState.PAID, cents, currency, NOW, arrives_on)
    payout_id = payouts.keep(session, "stripe", told).id
    store(session)
    return payout_id


def test_a_payout_and_its_lines_add_up_to_the_cent(owner: Api, session: Session) -> None:
    begin(session)
    payout_id = keep(session, "po_1", 15)
    here = f"/payouts/{payout_id}"
    assert (owner.get(here).json["is_complete"], owner.get(here).json["lines"]) == (False, 0)
    begin(session)
    payouts.keep_lines(session, payout_id, LINES, is_complete=True, at=NOW)
    store(session)
    told = owner.get(here).json
    sums = [Decimal(told[x]["amount"]) for x in ("captured", "refunded", "fees", "other")]
    assert [str(x) for x in sums] == ["15.25", "-2.00", "-1.61", "-5.00"]
    assert sum(sums) == Decimal(told["amount"]["amount"])
    assert (told["is_complete"], told["lines"], told["unknown_lines"]) == (True, 4, 2)
    first = owner.get(f"{here}/lines?limit=3").json
    rest = owner.get(f"{here}/lines?limit=3&cursor={first['next_cursor']}").json
    lines = [*first["data"], *rest["data"]]
    assert (len(lines), rest["next_cursor"]) == (4, None)
    assert sum(Decimal(x["net"]["amount"]) for x in lines) == Decimal(told["amount"]["amount"])
    assert [x["note"] for x in lines] == [None, None, "Billing of October", "Dispute"]


def test_payouts_are_found_by_their_days_and_read_to_the_last_page(owner: Api, session: Session) -> None:
    begin(session)
    for number, day in enumerate((3, 9, 9, 21)):
        keep(session, f"po_{day}_{number}", day)
    keep(session, "po_chf", 9, "CHF")
    seen, cursor = [], ""
    while cursor is not None:
        page = owner.get(
            f"/payouts?limit=2&since={NOW:%Y-%m}-09&currency=eur{cursor and f'&cursor={cursor}'}"
        ).json
        seen += [x["arrives_on"][-2:] for x in page["data"]]
        cursor = page["next_cursor"]
    assert seen == ["21", "09", "09"]
    assert len(owner.get(f"/payouts?until={NOW:%Y-%m}-03").json["data"]) == 1
    assert owner.get("/payouts?state=failed").json["data"] == []
    assert owner.get("/payouts?since=soon").status_code == 422
    assert owner.get("/payouts/999").status_code == 404
    assert owner.get("/payouts/999/lines").status_code == 404


def test_a_line_leads_to_its_payment_and_session(owner: Api, app: Flask, session: Session) -> None:
    begin(session)
    till = Till(app, make_site(session)).set_up()
    till.pay_as_stranger()
    charged = till.charge(10_000)
    till.age(days=2)
    till.read_payouts()
    [payout] = owner.get("/payouts").json["data"]
    [line] = owner.get(f"/payouts/{payout['id']}/lines").json["data"]
    assert (line["payment_id"], line["transaction_id"]) == (till.payment.id, charged.id)
    assert (
        owner.get(f"/payments/{line['payment_id']}").json["provider_reference"] == line["provider_reference"]
    )
