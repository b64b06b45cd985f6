"""Cards and drivers that were entered by mistake can go. Those that have a past stay, and their books with them."""

from sqlalchemy import delete, exists, select, update
from sqlalchemy.orm import Session

from csms.domain.accounts import Account, IdToken, User, Vehicle
from csms.domain.accounts.scans import CardScan
from csms.domain.base import Base, Refused
from csms.domain.payments import books
from csms.domain.transactions import Transaction

# What goes with a driver, or is another matter that is asked for by name.
APART = {x.__tablename__ for x in (CardScan, IdToken, User, Vehicle)}


def remove_card(session: Session, token: IdToken) -> None:
    """Raises Refused for a card that has charged: its sessions tell whose they were."""
    query = select(Transaction.id).where(Transaction.id_token_id == token.id).limit(1)
    if session.scalar(query) is not None:
        raise Refused("This card has been used, and its sessions are kept: block it instead.")
    session.delete(token)
    session.flush()


def remove_driver(session: Session, account: Account) -> None:
    """Remove a driver with the vehicles. Raises Refused for one that anything else hangs on."""
    if session.scalar(select(IdToken.id).where(IdToken.account_id == account.id).limit(1)) is not None:
        raise Refused("Cards are with this driver: remove them first, or give them to somebody else.")
    if session.scalar(select(User.id).where(User.account_id == account.id).limit(1)) is not None:
        raise Refused("Somebody logs in as this driver: remove that user first.")
    if books.is_kept_on(session, account) or _is_named(session, account):
        raise Refused("This driver has sessions, credit or something else that is kept, and stays with it.")
    session.execute(delete(Vehicle).where(Vehicle.account_id == account.id))
    session.execute(update(CardScan).where(CardScan.account_id == account.id).values(account_id=None))
    session.delete(account)
    session.flush()


def _is_named(session: Session, account: Account) -> bool:
    """Does a row of any other table name it? Whatever comes to name accounts is asked by itself."""
    columns = [
        key.parent
        for table in Base.metadata.tables.values()
        for key in table.foreign_keys
        if key.column.table is Account.__table__ and table.name not in APART
    ]
    return any(session.scalar(select(exists().where(x == account.id))) for x in columns)
