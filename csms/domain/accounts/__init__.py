"""Accounts, their users, their cards and their credit."""

from csms.domain.accounts.models import (
    Account,
    AuditEntry,
    IdToken,
    LedgerEntry,
    LedgerKind,
    OneTimeLink,
    RefreshToken,
    Role,
    Setting,
    TokenStatus,
    User,
    Vehicle,
)
from csms.domain.accounts.service import (
    Decision,
    add_token,
    authorize,
    book,
    find_token,
    open_account,
    preload,
)

__all__ = [
    "Account",
    "AuditEntry",
    "Decision",
    "IdToken",
    "LedgerEntry",
    "LedgerKind",
    "OneTimeLink",
    "RefreshToken",
    "Role",
    "Setting",
    "TokenStatus",
    "User",
    "Vehicle",
    "add_token",
    "authorize",
    "book",
    "find_token",
    "open_account",
    "preload",
]
