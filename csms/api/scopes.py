"""Which role may do what with the API. Default deny: every view names its scopes, and a test walks the whole table."""

import enum
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from csms.domain.accounts import Role


class Scope(enum.StrEnum):
    """SELF: one's own transactions, cards and account. READ: everybody's, card numbers masked. OPERATE: commands,
    and which chargers are let in. MONEY: accounts and their credit. ADMIN: sites, chargers, their keys, cards,
    vehicles, tariffs. OWN: users, mails and what was done by whom. HOST: chargers and transactions of one's sites.
    """

    SELF = "self"
    READ = "read"
    OPERATE = "operate"
    MONEY = "money"
    ADMIN = "admin"
    OWN = "own"
    HOST = "host"


SCOPES: Mapping[Role, frozenset[Scope]] = {
    Role.OWNER: frozenset(Scope),
    Role.OPERATOR: frozenset(Scope) - {Scope.OWN},
    Role.SUPPORT: frozenset({Scope.SELF, Scope.READ, Scope.OPERATE}),
    Role.INSTALLER: frozenset({Scope.SELF, Scope.READ, Scope.OPERATE}),
    Role.ACCOUNTANT: frozenset({Scope.SELF, Scope.READ, Scope.MONEY}),
    Role.READ_ONLY: frozenset({Scope.SELF, Scope.READ}),
    Role.SITE_HOST: frozenset({Scope.SELF, Scope.HOST}),
    Role.DRIVER: frozenset({Scope.SELF}),
}

# What a key for some chargers may call beside what site hosts may: all of it hangs on a charger or a site.
LIMITED = frozenset({"api.list_commands", "api.show_command", "api.list_sites", "api.show_site"})

View = TypeVar("View", bound=Callable[..., Any])


def needs(*scopes: Scope) -> Callable[[View], View]:
    """Whoever has one of `scopes` may call this view; `needs()` lets anybody in. Put it right above the function."""

    def mark(view: View) -> View:
        view.scopes = frozenset(scopes)  # type: ignore[attr-defined]
        return view

    return mark
