"""People of a directory (LDAP): found by their name, and known by their password, which stays there."""

from __future__ import annotations

import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from ldap3 import AUTO_BIND_NONE, SUBTREE, Connection, Server, Tls
from ldap3.core.exceptions import LDAPException
from ldap3.utils.conv import escape_filter_chars

from config import Config
from csms.domain.accounts import Person

WITHIN_S = 5


class DirectoryDown(Exception):
    """It does not answer, or does not let us look."""


def person(settings: Config, username: str, password: str) -> Person | None:
    """Who this is; None for a wrong name or password. Raises DirectoryDown."""
    if not password or not username.strip():
        return None  # a directory takes a name without a password for nobody, and says yes (RFC 4513 §5.1.2)
    try:
        entry = _entry(settings, username)
        if entry is None:
            return None
        with _connected(settings, entry["dn"], password) as connection:
            is_theirs = connection.bind()
        return _person(settings, entry) if is_theirs else None
    except (LDAPException, OSError) as error:
        raise DirectoryDown(str(error)) from error


def _entry(settings: Config, username: str) -> dict[str, Any] | None:
    """The one entry of this name, with the names of its groups as `groups`."""
    with _connected(settings, settings.ldap_bind_dn, settings.ldap_bind_password) as connection:
        if not connection.bind():
            raise DirectoryDown("it refuses LDAP_BIND_DN")
        wanted = settings.ldap_filter.replace("{username}", escape_filter_chars(username.strip()))
        found = _search(connection, settings.ldap_search_dn, wanted)
        if len(found) != 1:
            return None
        entry = found[0]
        entry["groups"] = [str(x) for x in _values(entry, "memberOf")]
        if settings.ldap_group_dn:
            dn, uid = escape_filter_chars(entry["dn"]), escape_filter_chars(username.strip())
            theirs = f"(|(member={dn})(uniqueMember={dn})(memberUid={uid}))"
            entry["groups"] += [x["dn"] for x in _search(connection, settings.ldap_group_dn, theirs)]
        return entry


def _search(connection: Connection, base: str, wanted: str) -> list[dict[str, Any]]:
    connection.search(base, wanted, SUBTREE, attributes=["*", "memberOf", "entryUUID"], size_limit=500)
    return [x for x in connection.response or [] if x.get("type") == "searchResEntry"]


@contextmanager
def _connected(settings: Config, dn: str, password: str) -> Iterator[Connection]:
    """A connection that is open, encrypted as it is set, and not bound yet."""
    tls = Tls(validate=ssl.CERT_REQUIRED)
    server = Server(settings.ldap_uri, tls=tls, connect_timeout=WITHIN_S, get_info="NO_INFO")
    connection = Connection(
        server,
        user=dn or None,
        password=password if dn else None,
        auto_bind=AUTO_BIND_NONE,
        receive_timeout=WITHIN_S,
        read_only=True,
        check_names=False,
    )
    try:
        connection.open()
        if settings.ldap_starttls and not settings.ldap_uri.startswith("ldaps:"):
            connection.start_tls()
        yield connection
    finally:
        connection.unbind()
        if connection.socket is not None:  # of a server that did not answer
            connection.socket.close()


def _person(settings: Config, entry: dict[str, Any]) -> Person:
    names = [_first(entry, x) for x in (settings.ldap_first_name, settings.ldap_last_name)]
    groups: list[str] = entry["groups"]
    short = [x.partition(",")[0].partition("=")[2] for x in groups]
    return Person(
        issuer=settings.ldap_uri,
        subject=_first(entry, "entryUUID") or entry["dn"].casefold(),
        username=_first(entry, "uid") or _first(entry, "sAMAccountName") or entry["dn"],
        email=_first(entry, settings.ldap_email),
        is_email_verified=True,  # the organisation's own directory says so
        first_name=names[0],
        last_name=names[1],
        groups=[*groups, *short],
    )


def _first(entry: dict[str, Any], name: str) -> str | None:
    values = _values(entry, name)
    return str(values[0]) if values else None


def _values(entry: dict[str, Any], name: str) -> Sequence[Any]:
    attributes = {x.casefold(): y for x, y in entry["attributes"].items()}
    values = attributes.get(name.casefold(), [])
    found = values if isinstance(values, list) else [values]
    return [x.decode("utf-8", "replace") if isinstance(x, bytes) else x for x in found]
