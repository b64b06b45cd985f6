"""Which provider is set up, and its keys."""

from flask import current_app

from config import Config
from csms.domain.payments import Settings
from csms.extensions import db
from csms.payments.provider import Provider, Unavailable
from csms.payments.stripe import Stripe
from csms.payments.trial import Trial
from csms.seal import Unreadable
from csms.sentences import gettext_noop, told

STRIPE_URL = "https://api.stripe.com"
UNREADABLE = gettext_noop("SECRET_KEY has changed: enter the keys of the payment provider again.")


def provider_named(name: str) -> Provider:
    """Raises Unavailable for one that is not set up."""
    if name == "test":
        return Trial()
    stored = Settings.of(db.session())
    if name == "stripe" and stored.stripe_key_sealed:
        return _stripe(stored)
    raise Unavailable(told("The payment provider is not set up."))


def _stripe(stored: Settings) -> Stripe:
    config, seal = _config(), current_app.extensions["seal"]
    try:
        key = seal.open(stored.stripe_key_sealed)
        signing = seal.open(stored.stripe_signing_sealed) if stored.stripe_signing_sealed else ""
    except Unreadable:
        raise Unavailable(UNREADABLE) from None
    return Stripe(config.stripe_url or STRIPE_URL, key, signing, may_be_private=config.private_targets)


def _config() -> Config:
    config: Config = current_app.extensions["settings"]
    return config
