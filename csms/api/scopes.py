"""Which role may do what with the API. Default deny: every view names its scopes, and a test walks the whole table."""

import enum
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from csms.domain.accounts import Role


class Scope(enum.StrEnum):
    """SELF: one's own transactions, cards and account. READ: everybody's, card numbers masked. OPERATE: commands,
    cards and what a charger is called. MONEY: accounts and their credit. ADMIN: chargers, their keys, tariffs.
    """

    SELF = "self"
    READ = "read"
    OPERATE = "operate"
    MONEY = "money"
    ADMIN = "admin"


SCOPES: Mapping[Role, frozenset[Scope]] = {
    Role.OWNER: frozenset(Scope),
    Role.OPERATOR: frozenset(Scope),
    Role.SUPPORT: frozenset({Scope.SELF, Scope.READ, Scope.OPERATE}),
    Role.INSTALLER: frozenset({Scope.SELF, Scope.READ, Scope.OPERATE}),
    Role.ACCOUNTANT: frozenset({Scope.SELF, Scope.READ, Scope.MONEY}),
    Role.READ_ONLY: frozenset({Scope.SELF, Scope.READ}),
    Role.SITE_HOST: frozenset({Scope.SELF}),
    Role.DRIVER: frozenset({Scope.SELF}),
}

View = TypeVar("View", bound=Callable[..., Any])


def needs(*scopes: Scope) -> Callable[[View], View]:
    """Whoever has one of `scopes` may call this view; `needs()` lets anybody in. Put it right above the function."""

    def mark(view: View) -> View:
        view.scopes = frozenset(scopes)  # type: ignore[attr-defined]
        return view

    return mark
