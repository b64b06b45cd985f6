"""The life of a payment: asked for, held, taken as far as it was used, and the rest given back.

What is to be done at the provider is written down before it is asked, and asked again until it is done: whatever dies
between two steps is taken up where the provider says that it stands.
"""

from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from csms.domain import accounts, commands, transactions
from csms.domain.accounts import IdToken
from csms.domain.base import NotFound, Refused, announce, printable
from csms.domain.chargers import Connector
from csms.domain.payments import presence, rules
from csms.domain.payments.books import account, book, note
from csms.domain.payments.models import OVER, Payment, PaymentState, Wanted
from csms.domain.payments.rules import Standing, Status
from csms.domain.transactions import queries
from csms.sentences import gettext_noop, told

TOPIC = "payments"
BY = "card payment"  # who orders what a payment leads to
FAILURES = {
    Wanted.CAPTURE: gettext_noop("The money could not be taken: %(detail)s"),
    Wanted.RELEASE: gettext_noop("The money could not be released: %(detail)s"),
    Wanted.REFUND: gettext_noop("The money could not be given back: %(detail)s"),
}


def find(session: Session, payment_id: str, *, to_change: bool = False) -> Payment:
    """Raises NotFound. `to_change`: nobody else changes it until this unit of work is over; the provider's answer and
    an order of a person or a job come at the same moment, and one must not undo what the other has written.
    """
    payment = session.get(Payment, payment_id, with_for_update=to_change, populate_existing=to_change)
    if payment is None:
        raise NotFound("There is no such payment.")
    return payment


def request(
    session: Session,
    connector: Connector,
    *,
    provider: str,
    cents: int,
    currency: str,
    at: datetime,
    has_code: bool = False,
    payer_id: int | None = None,
    language: str | None = None,
) -> Payment:
    """Somebody wants to pay here, `payer_id` where an account is logged in. Nothing is held yet.

    `has_code`: they have typed the station's code. `language`: of the page.

    Raises Refused where charging could not begin now.
    """
    transactions.check_start(session, connector, at=at)
    payment = Payment(
        provider=provider,
        currency=currency,
        asked_cents=cents,
        charger_id=connector.charger_id,
        connector_id=connector.id,
        payer_id=payer_id,
        language=language,
    )
    presence.prove(payment, connector, has_code=has_code, at=at)
    return begin(session, payment, at=at)


def begin(session: Session, payment: Payment, *, at: datetime) -> Payment:
    """Write down what somebody wants to pay, before its provider hears of it."""
    payment.id, payment.state = commands.new_id(at), PaymentState.REQUESTED
    payment.requested_at, payment.expires_at = at, at + rules.CHECKOUT_FOR
    payment.due_at = at + rules.CLAIM_FOR
    session.add(payment)
    session.flush()
    note(session, payment, "requested", at=at, cents=payment.asked_cents)
    return payment


def opened(session: Session, payment: Payment, *, reference: str, url: str, at: datetime) -> None:
    """The provider has a page where it can be paid."""
    payment.reference, payment.checkout_url = reference, url
    payment.due_at = at + rules.LOOK_EVERY
    announce(session, payment.topic)


def not_opened(session: Session, payment: Payment, reason: str, *, at: datetime) -> None:
    """There is no page where it could be paid, and nobody has paid."""
    _close(session, payment, PaymentState.FAILED, reason, at=at)


def look_soon(session: Session, payment: Payment, *, at: datetime) -> None:
    """The provider may have news of it: ask it now, unless it was asked this very moment."""
    if payment.reference is None:
        return
    if payment.asked_at is None or at - payment.asked_at > timedelta(seconds=2):
        payment.due_at = at
        announce(session, TOPIC)


def settle(session: Session, payment: Payment, standing: Standing, *, at: datetime) -> None:
    """Take over what the provider says, and decide what is to be done about it."""
    payment.asked_at = at
    payment.intent = standing.intent or payment.intent
    match standing.status:
        case Status.HELD:
            _held(session, payment, standing, at)
        case Status.CAPTURED:
            _captured(session, payment, standing, at)
        case Status.RELEASED:
            _let_go(session, payment, at)
        case Status.DECLINED | Status.LAPSED if payment.state is PaymentState.REQUESTED:
            is_declined = standing.status is Status.DECLINED
            declined = gettext_noop("Your bank has declined the card.")
            words = declined if is_declined else gettext_noop("It was not paid in time.")
            _close(
                session,
                payment,
                PaymentState.FAILED if is_declined else PaymentState.EXPIRED,
                payment.reason or words,
                at=at,
            )
    if _is_done(payment, standing):
        payment.wanted = None
    payment.attempts = payment.attempts + 1 if payment.wanted else 0
    payment.due_at = _next_look(payment, at)
    announce(session, payment.topic, TOPIC)


def _held(session: Session, payment: Payment, standing: Standing, at: datetime) -> None:
    payment.held_cents = standing.held_cents
    payment.held_until = standing.held_until or (payment.held_at or at) + rules.HOLD_FOR
    if payment.state is PaymentState.HELD:
        return
    is_expected = payment.state is PaymentState.REQUESTED and payment.wanted is None
    payment.state, payment.held_at, payment.settled_at = PaymentState.HELD, at, None
    note(session, payment, "held", at=at, cents=standing.held_cents)
    if not is_expected:
        want_release(session, payment, payment.reason or gettext_noop("The payment came too late."), at=at)
        return
    if payment.connector is None:  # it is for credit, and all of it
        want_capture(session, payment, payment.held_cents, at=at)
        return
    try:
        _start(session, payment, payment.connector, at)
    except Refused as refusal:
        want_release(session, payment, str(refusal), at=at)


def _start(session: Session, payment: Payment, connector: Connector, at: datetime) -> None:
    """Let the car charge. Raises Refused."""
    if queries.pending_start(session, connector, at) is not None:
        raise Refused("Somebody else has started here meanwhile.")
    transactions.check_start(session, connector, at=at)
    if problem := presence.absence(payment, connector, at):
        raise Refused(problem)
    token = accounts.payment_token(session, account(session, at), at)
    command = transactions.request_start(session, connector, id_tag=token.uid, by=BY, at=at)
    payment.id_token_id, payment.command_id = token.id, command.id
    note(session, payment, "start asked", at=at)


def _captured(session: Session, payment: Payment, standing: Standing, at: datetime) -> None:
    """Book what has been taken, and what has gone back, since we looked last."""
    taken = standing.captured_cents - payment.captured_cents
    returned = standing.refunded_cents - payment.refunded_cents
    payment.captured_cents, payment.refunded_cents = standing.captured_cents, standing.refunded_cents
    payment.held_cents = max(payment.held_cents, standing.captured_cents)
    is_all_back = 0 < standing.captured_cents <= standing.refunded_cents
    payment.state = PaymentState.REFUNDED if is_all_back else PaymentState.CAPTURED
    for what, cents in (("captured", taken), ("refunded", -returned)):
        if cents:
            note(session, payment, what, at=at, cents=abs(cents))
            book(session, payment, cents, at=at)
    if taken or returned:
        payment.settled_at = payment.settled_at or at
        payment.problem = payment.problem_at = None


def _let_go(session: Session, payment: Payment, at: datetime) -> None:
    """The hold is no more: because we wanted it so, or because it lapsed, or somebody released it elsewhere."""
    if payment.state in (*OVER, PaymentState.CAPTURED):
        return
    if payment.wanted is Wanted.RELEASE:
        _close(session, payment, PaymentState.RELEASED, payment.reason, at=at)
        payment.problem = payment.problem_at = None
        return
    _close(session, payment, PaymentState.EXPIRED, told("The hold ended before anything was taken."), at=at)
    if payment.transaction_id is not None:
        tell_of(session, payment, told("The hold ended before the session was paid."), at=at)


def _close(
    session: Session, payment: Payment, state: PaymentState, reason: str | None, *, at: datetime
) -> None:
    payment.state, payment.reason, payment.settled_at = state, printable(reason, 255), at
    payment.wanted = payment.due_at = None
    _block(session, payment)
    note(session, payment, state.value, at=at, words=reason)


def _is_done(payment: Payment, standing: Standing) -> bool:
    match payment.wanted:
        case Wanted.CAPTURE:
            return standing.status in (Status.CAPTURED, Status.RELEASED)
        case Wanted.RELEASE:
            return standing.status not in (Status.HELD, Status.OPEN)
        case Wanted.REFUND:
            return standing.refunded_cents >= min(payment.wanted_cents, standing.captured_cents)
    return True


def _next_look(payment: Payment, at: datetime) -> datetime | None:
    if payment.wanted is not None:
        return at if payment.attempts <= 1 else at + rules.retry_after(payment.attempts)
    if payment.state is PaymentState.HELD and payment.held_until is not None:
        return max(payment.held_until, at + rules.LONGEST_RETRY)  # to see it lapse
    return at + rules.LOOK_EVERY if payment.state is PaymentState.REQUESTED else None


def not_settled(session: Session, payment: Payment, detail: str, *, is_final: bool, at: datetime) -> None:
    """The provider did not answer, or refused (`is_final`). It is asked again; a person is told in time."""
    payment.attempts += 1
    payment.asked_at = at
    payment.due_at = at + rules.retry_after(payment.attempts)
    if payment.wanted and (is_final or payment.attempts >= rules.PATIENT_TRIES):
        tell_of(session, payment, FAILURES[payment.wanted] % {"detail": detail}, at=at)
    if payment.state is PaymentState.REQUESTED and at > payment.expires_at + rules.FORGET_AFTER:
        _close(session, payment, PaymentState.EXPIRED, told("Nobody knows whether it was paid."), at=at)
        tell_of(
            session, payment, told("It is not known whether it was paid: %(detail)s", detail=detail), at=at
        )
    announce(session, payment.topic)


def want_capture(
    session: Session, payment: Payment, cents: int, *, at: datetime, by: str | None = None
) -> None:
    """Take `cents` of what is held, and let go of the rest. Raises Refused."""
    if payment.state is not PaymentState.HELD:
        raise Refused("Nothing is held by this payment.")
    if not 0 < cents <= payment.held_cents:
        raise Refused("Take more than nothing, and at most what is held.")
    _want(session, payment, Wanted.CAPTURE, cents, at=at, by=by)


def want_release(
    session: Session, payment: Payment, reason: str | None, *, at: datetime, by: str | None = None
) -> None:
    """Let go of all that is held, or of the page where it could be paid. Raises Refused."""
    if payment.state not in (PaymentState.REQUESTED, PaymentState.HELD):
        raise Refused("There is nothing to release: nothing is held by this payment.")
    payment.reason = printable(reason, 255)
    _want(session, payment, Wanted.RELEASE, 0, at=at, by=by)


def want_refund(
    session: Session,
    payment: Payment,
    cents: int,
    *,
    at: datetime,
    by: str | None = None,
    words: str | None = None,
) -> None:
    """Give back `cents` of what was taken; `words` say why. Raises Refused."""
    if payment.state is not PaymentState.CAPTURED:
        raise Refused("Nothing can be given back: nothing was taken, or all of it has gone back.")
    if not 0 < cents <= payment.net_cents:
        raise Refused("Give back more than nothing, and at most what was taken.")
    _want(session, payment, Wanted.REFUND, payment.refunded_cents + cents, at=at, by=by, words=words)


def _want(
    session: Session,
    payment: Payment,
    wanted: Wanted,
    cents: int,
    *,
    at: datetime,
    by: str | None,
    words: str | None = None,
) -> None:
    payment.wanted, payment.wanted_cents, payment.attempts, payment.due_at = wanted, cents, 0, at
    if wanted is not Wanted.REFUND:
        _block(session, payment)
    shown = cents - payment.refunded_cents if wanted is Wanted.REFUND else cents
    words = words or payment.reason
    note(session, payment, f"{wanted.value} ordered", at=at, cents=shown or None, by=by, words=words)
    announce(session, TOPIC)


def tell_of(session: Session, payment: Payment, problem: str, *, at: datetime) -> None:
    """Put it before a person."""
    if payment.problem_at is None:
        note(session, payment, "problem", at=at, words=problem)
        payment.problem_at = at
    payment.problem = printable(problem, 255)
    announce(session, payment.topic, "fleet")


def put_aside(session: Session, payment: Payment, *, by: str, at: datetime) -> None:
    """A person has seen to what was wrong. Raises Refused where nothing was."""
    if payment.problem_at is None:
        raise Refused("Nothing is wrong with this payment.")
    if payment.needs_decision:
        raise Refused("Take what the session used, or let go: until then this waits for you.")
    note(session, payment, "seen to", at=at, by=by, words=payment.problem)
    payment.problem = payment.problem_at = None
    announce(session, payment.topic, "fleet")


def _block(session: Session, payment: Payment) -> None:
    """No further session may begin with it."""
    token = session.get(IdToken, payment.id_token_id) if payment.id_token_id is not None else None
    if token is not None:
        token.is_allowed = False
