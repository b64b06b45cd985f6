"""A driver wants to pay: the payment is written down, and then its provider is asked for a page."""

from csms import clock
from csms.domain import payments, slots
from csms.domain.base import Refused
from csms.domain.chargers import Connector
from csms.domain.payments import Payment, settings
from csms.domain.tariffs import Terms
from csms.extensions import db
from csms.payments.provider import Checkout, Rejected, Unavailable
from csms.payments.setup import provider_named
from csms.sentences import gettext_noop
from csms.work import atomic

DOWN = gettext_noop(
    "Paying by card does not work at the moment. Nothing has been taken. Choose another way, or try again soon."
)


def open_page(payment: Payment, *, title: str, return_url: str) -> None:
    """Have a page made where `payment` can be paid. Raises Refused when there is none: nobody has paid then."""
    checkout = Checkout(
        payment.id, title, payment.asked_cents, payment.currency, return_url, payment.language
    )
    payment_id, name = payment.id, payment.provider
    try:
        provider = provider_named(name)
        db.session.rollback()  # the provider may be slow: no connection is held meanwhile, and who asks is still known
        opened = provider.open(checkout)
    except (Unavailable, Rejected) as error:
        with atomic() as session:
            at = clock.now()
            payments.not_opened(
                session, payments.find(session, payment_id, to_change=True), str(error), at=at
            )
            settings.note_down(session, str(error), at=at)
        raise Refused(DOWN) from None
    with atomic() as session:
        at = clock.now()
        found = payments.find(session, payment_id, to_change=True)
        payments.opened(session, found, reference=opened.reference, url=opened.url, at=at)
        settings.note_up(session, at=at)


def amount_for(connector: Connector) -> tuple[int, str] | None:
    """(cents that would be held here now, currency); None where nobody can pay by card, or nothing costs anything."""
    session, charger = db.session(), connector.charger
    stored = payments.Settings.of(session)
    if not stored.provider:
        return None
    return hold_by(
        stored, slots.priced_terms(session, charger.id, connector.id, charger.tariff_id, clock.now())
    )


def hold_by(stored: payments.Settings, terms: Terms | None) -> tuple[int, str] | None:
    """The same, where settings and prices are known."""
    if not stored.provider or terms is None or terms.is_free:
        return None
    return payments.hold_for(stored.hold_cents, terms.max_price), terms.currency
