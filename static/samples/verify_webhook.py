"""Did our Amberline send this, and just now? Standard Webhooks 1.0, with nothing but Python."""

import base64
import hashlib
import hmac
import time


def is_genuine(secret, headers, body, tolerance_s=300):
    """`secret`: whsec_…; `headers`: of the request; `body`: its bytes, before any parsing."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    number, sent_at = headers["Webhook-Id"], headers["Webhook-Timestamp"]
    signed = b".".join([number.encode(), sent_at.encode(), body])
    expected = "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    is_recent = abs(time.time() - int(sent_at)) <= tolerance_s
    given = headers["Webhook-Signature"].split(" ")  # two while a secret is being changed
    return is_recent and any(hmac.compare_digest(expected, one) for one in given)
