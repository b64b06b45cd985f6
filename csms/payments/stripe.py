"""Stripe: a Checkout page that holds the money (capture_method=manual), and the PaymentIntent behind it.

Its HTTP interface is asked directly: four kinds of requests need no library of thirty megabytes.
"""

import hashlib
import hmac
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar
from urllib.parse import quote, urlencode

import orjson

from csms import clock, outbound, sentences
from csms.domain.payments import LineTold, PayoutTold, Standing, Status, Step, Wanted
from csms.outbound import Barred, Unreachable
from csms.payments import stripe_payouts
from csms.payments.provider import Checkout, Forged, News, Opened, Rejected, Unavailable
from csms.payments.stripe_amounts import cents, minor

VERSION = "2024-06-20"  # of the interface: what the answers look like
WITHIN_S = 15.0
CHECKOUT_FOR_S = 31 * 60  # half an hour is the least
OLDEST_S = 300  # of a message's signature
MOST_PAGES = 400  # of one list
# Of which the next try may be answered otherwise: at odds with itself, too often, or with keys that must be mended.
_PASSING = frozenset({401, 403, 409, 429})

Fields = Mapping[str, str | int]
Read = TypeVar("Read")


class Stripe:
    """One account at Stripe. `signing_secret` (whsec_…) may be empty: then no message of it is believed."""

    name = "stripe"

    def __init__(self, url: str, key: str, signing_secret: str, *, may_be_private: bool) -> None:
        self._url = url.rstrip("/")
        self._key = key
        self._signing_secret = signing_secret
        self._may_be_private = may_be_private

    def open(self, checkout: Checkout) -> Opened:
        ends_at = int(clock.now().timestamp()) + CHECKOUT_FOR_S
        fields: Fields = {
            "mode": "payment",
            "locale": checkout.language or "auto",
            "payment_method_types[0]": "card",
            "client_reference_id": checkout.payment_id,
            "success_url": f"{checkout.return_url}?back=1",
            "cancel_url": checkout.return_url,
            "expires_at": ends_at,
            "line_items[0][quantity]": 1,
            "line_items[0][price_data][currency]": checkout.currency.lower(),
            "line_items[0][price_data][unit_amount]": minor(checkout.cents, checkout.currency),
            "line_items[0][price_data][product_data][name]": checkout.title,
            "payment_intent_data[capture_method]": "manual",
            "payment_intent_data[description]": checkout.title,
            "payment_intent_data[metadata][payment]": checkout.payment_id,
            "metadata[payment]": checkout.payment_id,
        }
        made = self._post("/v1/checkout/sessions", fields, key=f"{checkout.payment_id}-open")
        reference, url = made.get("id"), made.get("url")
        if not isinstance(reference, str) or not isinstance(url, str) or not url.startswith("http"):
            raise Unavailable(sentences.told("Stripe has made no page to pay at."))
        return Opened(reference, url)

    def look(self, reference: str, currency: str) -> Standing:
        told = self._session(reference)
        intent = told.get("payment_intent")
        if not isinstance(intent, dict):
            return Standing(Status.LAPSED if told.get("status") == "expired" else Status.OPEN)
        standing = _standing(intent, currency)
        if standing.status is Status.OPEN and told.get("status") == "expired":
            return Standing(Status.LAPSED, intent=standing.intent)
        return standing

    def act(self, reference: str, currency: str, step: Step) -> None:
        told = self._session(reference)
        intent = told.get("payment_intent")
        amount = minor(step.cents, currency)
        match step.wanted:
            case Wanted.CAPTURE if isinstance(intent, dict):
                self._post(_path(intent, "capture"), {"amount_to_capture": amount}, key=step.key)
            case Wanted.REFUND if isinstance(intent, dict):
                fields: Fields = {"payment_intent": str(intent["id"]), "amount": amount}
                self._post("/v1/refunds", fields, key=step.key)
            case Wanted.RELEASE if told.get("status") == "open":
                self._post(f"/v1/checkout/sessions/{quote(reference, safe='')}/expire", {}, key=step.key)
            case Wanted.RELEASE if isinstance(intent, dict):
                self._post(_path(intent, "cancel"), {}, key=step.key)

    def check(self) -> str:
        told = self._get("/v1/account")
        profile = told.get("settings", {}).get("dashboard", {})
        return str(profile.get("display_name") or told.get("id") or "Stripe")

    def read(self, headers: Mapping[str, str], body: bytes) -> News:
        self._check_signature(headers.get("Stripe-Signature", ""), body)
        try:
            event = orjson.loads(body)
            about = event["data"]["object"]
            event_id, kind = str(event["id"]), str(event["type"])
        except (orjson.JSONDecodeError, KeyError, TypeError) as error:
            raise Forged("This is no event of Stripe.") from error
        metadata = about.get("metadata") or {}
        names = (metadata.get("payment"), about.get("id"), about.get("payment_intent"))
        return News(event_id, kind, tuple(x for x in names if isinstance(x, str)))

    def payouts(self, since: datetime) -> list[PayoutTold]:
        asked: Fields = {"created[gte]": int(since.timestamp()), "limit": 100}
        return _understood(stripe_payouts.payout, self._listed("/v1/payouts", asked))

    def lines(self, payout: str) -> list[LineTold]:
        # Half a page at a time: each comes with the whole of the charge or the refund that it is about.
        asked: Fields = {"payout": payout, "limit": 50, "expand[]": "data.source"}
        found = self._listed("/v1/balance_transactions", asked)
        others = (x for x in found if x.get("type") != stripe_payouts.ITSELF)
        return _understood(stripe_payouts.line, others)

    def _listed(self, path: str, asked: Fields) -> Iterator[dict[str, Any]]:
        """All pages of a list. Raises Unavailable, and Rejected."""
        after: Fields = {}
        for _ in range(MOST_PAGES):
            told = self._get(f"{path}?{urlencode({**asked, **after})}")
            rows = [x for x in told.get("data") or () if isinstance(x, dict)]
            yield from rows
            if not rows or not told.get("has_more"):
                return
            after = {"starting_after": str(rows[-1].get("id"))}
        raise Unavailable(sentences.told("Stripe has more to tell than can be read at once."))

    def _check_signature(self, header: str, body: bytes) -> None:
        """Raises Forged unless the header has an HMAC-SHA256 of "time.body", and the time is near."""
        if not self._signing_secret:
            raise Forged("No signing secret is set up.")
        parts = [x.strip().partition("=")[::2] for x in header.split(",")]
        stamp = next((value for name, value in parts if name == "t"), "")
        if not stamp.isascii() or not stamp.isdigit() or len(stamp) > 12:
            raise Forged("The signature has no time.")
        signed = stamp.encode() + b"." + body
        wanted = hmac.new(self._signing_secret.encode(), signed, hashlib.sha256).hexdigest().encode()
        given = [value.encode("utf-8", "replace") for name, value in parts if name == "v1"]
        if not any([hmac.compare_digest(wanted, x) for x in given]):
            raise Forged("The signature does not fit.")
        if abs(clock.now().timestamp() - int(stamp)) > OLDEST_S:
            raise Forged("The signature is too old.")

    def _session(self, reference: str) -> dict[str, Any]:
        path = f"/v1/checkout/sessions/{quote(reference, safe='')}"
        return self._get(f"{path}?expand[]=payment_intent.latest_charge")

    def _get(self, path: str) -> dict[str, Any]:
        return self._read(lambda: outbound.get(self._url + path, self._headers(), **self._limits()))

    def _post(self, path: str, fields: Fields, *, key: str) -> dict[str, Any]:
        headers = self._headers() | {
            "Idempotency-Key": key,
            "Content-Type": "application/x-www-form-urlencoded",
        }
        body = urlencode(fields).encode()
        return self._read(lambda: outbound.post(self._url + path, body, headers, **self._limits()))

    def _headers(self) -> dict[str, str]:
        return {
            "Authorization": f"Bearer {self._key}",
            "Stripe-Version": VERSION,
            "User-Agent": "Amberline",
        }

    def _limits(self) -> dict[str, Any]:
        return {"within_s": WITHIN_S, "may_be_private": self._may_be_private}

    def _read(self, ask: Callable[[], outbound.Answer]) -> dict[str, Any]:
        """The answer as JSON. Raises Unavailable, and Rejected for what is wrong with our question."""
        try:
            answer = ask()
        except (Barred, Unreachable) as error:
            raise Unavailable(str(error)) from None
        try:
            told = orjson.loads(answer.body)
        except orjson.JSONDecodeError:
            told = None
        if not isinstance(told, dict):
            words = sentences.told(
                "Stripe answered with %(status)s, and nothing that can be read.", status=answer.status
            )
            raise Unavailable(words)
        if answer.status < 300:
            return told
        wrong = told.get("error")
        words = str(wrong.get("message") if isinstance(wrong, dict) else "")[:200]
        words = words or sentences.told("Stripe answered with %(status)s.", status=answer.status)
        if answer.status >= 500 or answer.status in _PASSING:
            raise Unavailable(words)
        raise Rejected(words)


def _understood(read: Callable[[dict[str, Any]], Read], rows: Iterable[dict[str, Any]]) -> list[Read]:
    """Each of the rows as `read` has it. Raises Unavailable for one that it does not understand."""
    try:
        return [read(x) for x in rows]
    except (KeyError, ValueError, TypeError) as error:
        words = sentences.told("Stripe tells of its payouts what cannot be read: %(why)s.", why=repr(error))
        raise Unavailable(words) from error


def _standing(intent: dict[str, Any], currency: str) -> Standing:
    """A PaymentIntent in our words."""
    charge = intent.get("latest_charge")
    charge = charge if isinstance(charge, dict) else {}
    name = str(intent.get("id") or "")
    match intent.get("status"):
        case "requires_capture":
            until = (charge.get("payment_method_details") or {}).get("card", {}).get("capture_before")
            return Standing(
                Status.HELD,
                held_cents=cents(intent.get("amount_capturable"), currency),
                held_until=datetime.fromtimestamp(until, UTC) if isinstance(until, int) else None,
                intent=name,
            )
        case "succeeded":
            return Standing(
                Status.CAPTURED,
                held_cents=cents(intent.get("amount"), currency),
                captured_cents=cents(intent.get("amount_received"), currency),
                refunded_cents=cents(charge.get("amount_refunded"), currency),
                intent=name,
            )
        case "canceled":
            return Standing(Status.RELEASED, intent=name)
    return Standing(Status.OPEN, intent=name)


def _path(intent: dict[str, Any], verb: str) -> str:
    return f"/v1/payment_intents/{quote(str(intent['id']), safe='')}/{verb}"
