"""The settings of how people come in and are written to. Part of `config.Config`, which reads them."""

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from settings import Unfit, flag, matching, setting, text, whole

SMTP_PORT, SMTPS_PORT = 587, 465


class MailEncryption(StrEnum):
    """How the way to the mail server is kept secret."""

    AUTO = "auto"  # STARTTLS where it is offered; a password only under it, or to this machine
    STARTTLS = "starttls"
    TLS = "tls"
    NONE = "none"


class MailServer(NamedTuple):
    """Where mails are handed over, and as whom."""

    host: str
    port: int
    user: str
    password: str
    encryption: MailEncryption


def encryption(value: str) -> MailEncryption:
    """A word of MailEncryption; 1 and 0, as ov2xmp had it, are STARTTLS and none."""
    words = {"1": MailEncryption.STARTTLS, "0": MailEncryption.NONE} | {x.value: x for x in MailEncryption}
    if value.lower() not in words:
        raise Unfit(f"write one of: {', '.join(MailEncryption)}")
    return words[value.lower()]


Roles = tuple[tuple[str, str], ...]
ROLE_WORDS = ("owner", "operator", "support", "site_host", "accountant", "installer", "driver", "read_only")
ANYBODY = "*"


def roles(value: str) -> Roles:
    """Groups and the roles that they give, the first that fits; `*` is anybody."""
    advice = f"write group:role;group:role, with * for anybody and one of: {', '.join(ROLE_WORDS)}"
    found = []
    for part in value.split(";"):
        group, colon, role = part.strip().rpartition(":")
        if not colon or not group.strip() or role.strip() not in ROLE_WORDS:
            raise Unfit(advice)
        found.append((group.strip(), role.strip()))
    return tuple(found)


def discovery_url(value: str) -> str:
    """Where an issuer of OpenID Connect describes itself."""
    parts = urlsplit(value)
    is_here = parts.hostname in ("localhost", "127.0.0.1", "::1")
    is_safe = parts.scheme == "https" or (parts.scheme == "http" and is_here)
    if not is_safe or not parts.hostname or not parts.path.endswith("/.well-known/openid-configuration"):
        raise Unfit("write https://id.example.org/.well-known/openid-configuration")
    return value


def smtp_url(value: str) -> str:
    """Where mails are handed over, all in one."""
    advice = "write smtp://user:password@mail.example.org:587, or smtps:// for a port that begins with TLS"
    try:
        parts = urlsplit(value)
        fits = parts.scheme in ("smtp", "smtps") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        raise Unfit(advice) from None
    if not fits or parts.path.strip("/") or parts.query or parts.fragment:
        raise Unfit(advice)
    return value


@dataclass(frozen=True, kw_only=True)
class PeopleSettings:
    """The settings in force, as in `Config`."""

    sign_up: bool = setting(
        "CSMS_SIGN_UP",
        "0",
        "Whether anybody may become a driver with an account of their own. In lab mode the default is `1`.",
        flag,
    )
    card_login: bool = setting(
        "CSMS_CARD_LOGIN",
        "0",
        "Whether drivers may log in with the number of their card alone, to their own account and no further. Whoever "
        "has read the card's number can do so too: in lab mode the default is `1`.",
        flag,
    )
    smtp_url: str = setting(
        "SMTP_URL",
        "",
        "The server that takes our mails, `smtp://user:password@mail.example.org:587`; `smtps://…:465` where the port "
        "begins with TLS. Empty: the settings below; without any, mails wait.",
        smtp_url,
        secret=True,
    )
    smtp_host: str = setting(
        "SMTP_HOST",
        "",
        "The same in parts: its host.",
        matching(r"[\w.:-]{1,253}", "write the name or the address of a host"),
        alias="OV2XMP_EMAIL_HOST",
    )
    smtp_port: int = setting(
        "SMTP_PORT", "587", "Its port.", whole(1, 65535, SMTP_PORT), alias="OV2XMP_EMAIL_PORT"
    )
    smtp_user: str = setting("SMTP_USER", "", "Its user. Empty: none.", text, alias="OV2XMP_EMAIL_HOST_USER")
    smtp_password: str = setting(
        "SMTP_PASSWORD",
        "",
        "The user's password.",
        text,
        secret=True,
        alias="OV2XMP_EMAIL_HOST_PASSWORD",
    )
    smtp_encryption: MailEncryption = setting(
        "SMTP_ENCRYPTION",
        "auto",
        "`starttls`, `tls` (from the first byte), `none`, or `auto`: STARTTLS where it is offered, and no password "
        "without it but to this machine.",
        encryption,
        alias="OV2XMP_EMAIL_USE_TLS",
    )
    mail_from: str = setting(
        "MAIL_FROM",
        "",
        "The address that our mails are from. Empty: the user of the mail server where that is an address, otherwise "
        "`amberline@` and the host of `PUBLIC_BASE_URL`.",
        matching(r"[^\s@<>\"(),;:]{1,64}@[\w.-]{1,189}", "write an address such as charging@example.org"),
    )

    oidc_enabled: bool = setting(
        "OIDC_ENABLED",
        "1",
        "`0`: nobody comes in by OpenID Connect, whatever is set below.",
        flag,
        alias="OV2XMP_AUTH_OIDC_ENABLE",
    )
    oidc_discovery_url: str = setting(
        "OIDC_DISCOVERY_URL",
        "",
        "Where the issuer describes itself: `https://id.example.org/.well-known/openid-configuration`. Empty: nobody "
        "comes in by OpenID Connect. There `PUBLIC_BASE_URL` and `/login/oidc/back` is to be allowed.",
        discovery_url,
        alias="OV2XMP_AUTH_OIDC_OP_DISCOVERY_DOCUMENT_URL",
    )
    oidc_client_id: str = setting(
        "OIDC_CLIENT_ID", "", "What we are called there.", text, alias="OV2XMP_AUTH_OIDC_RP_CLIENT_ID"
    )
    oidc_client_secret: str = setting(
        "OIDC_CLIENT_SECRET",
        "",
        "Our password there. Empty: none (a public client).",
        text,
        secret=True,
        alias="OV2XMP_AUTH_OIDC_RP_CLIENT_SECRET",
    )
    oidc_name: str = setting("OIDC_NAME", "single sign-on", "What its button says: log in with …", text)
    oidc_scope: str = setting("OIDC_SCOPE", "openid email profile", "What is asked for.", text)
    oidc_groups_claim: str = setting(
        "OIDC_GROUPS_CLAIM", "groups", "The claim of the token that names somebody's groups.", text
    )
    oidc_roles: Roles = setting(
        "OIDC_ROLES",
        "*:driver",
        "Which group gives which role, the first that fits: `admins:owner;staff:operator;*:driver`. Who fits nothing "
        "does not come in.",
        roles,
    )
    ldap_enabled: bool = setting(
        "LDAP_ENABLED",
        "1",
        "`0`: nobody comes in by a directory, whatever is set below.",
        flag,
        alias="OV2XMP_AUTH_LDAP_ENABLE",
    )
    ldap_uri: str = setting(
        "LDAP_URI",
        "",
        "The directory, `ldaps://ldap.example.org`. Empty: nobody comes in by one.",
        matching(r"ldaps?://[\w.:\[\]-]+/?", "write ldaps://ldap.example.org or ldap://ldap.example.org:389"),
        alias="OV2XMP_AUTH_LDAP_SERVER_URI",
    )
    ldap_starttls: bool = setting("LDAP_STARTTLS", "1", "`0`: with `ldap://` passwords go in the open.", flag)
    ldap_bind_dn: str = setting(
        "LDAP_BIND_DN",
        "",
        "As whom we look for people there. Empty: as nobody.",
        text,
        alias="OV2XMP_AUTH_LDAP_BIND_DN",
    )
    ldap_bind_password: str = setting(
        "LDAP_BIND_PASSWORD", "", "Its password.", text, secret=True, alias="OV2XMP_AUTH_LDAP_BIND_PASSWORD"
    )
    ldap_search_dn: str = setting(
        "LDAP_SEARCH_DN", "", "Below which entry people are.", text, alias="OV2XMP_AUTH_LDAP_SEARCH_DN"
    )
    ldap_filter: str = setting(
        "LDAP_FILTER",
        "(uid={username})",
        "How somebody is found; `(sAMAccountName={username})` in Active Directory.",
        matching(r"\(.*\{username\}.*\)", "write a filter with {username} in it, such as (uid={username})"),
    )
    ldap_first_name: str = setting(
        "LDAP_FIRST_NAME",
        "givenName",
        "The attribute with the first name.",
        text,
        alias="OV2XMP_AUTH_LDAP_USER_ATTR_MAP_FIRSTNAME",
    )
    ldap_last_name: str = setting(
        "LDAP_LAST_NAME",
        "sn",
        "That with the last name.",
        text,
        alias="OV2XMP_AUTH_LDAP_USER_ATTR_MAP_LASTNAME",
    )
    ldap_email: str = setting(
        "LDAP_EMAIL",
        "mail",
        "That with the e-mail address.",
        text,
        alias="OV2XMP_AUTH_LDAP_USER_ATTR_MAP_EMAIL",
    )
    ldap_group_dn: str = setting(
        "LDAP_GROUP_DN", "", "Below which entry groups are. Empty: `memberOf` of a person names them.", text
    )
    ldap_roles: Roles = setting(
        "LDAP_ROLES",
        "*:driver",
        "As `OIDC_ROLES`; a group is its name (`cn`) or the whole of it (`cn=staff,ou=groups,dc=example,dc=org`).",
        roles,
    )

    @property
    def has_oidc(self) -> bool:
        """Whether people come in by OpenID Connect."""
        return bool(self.oidc_enabled and self.oidc_discovery_url and self.oidc_client_id)

    @property
    def has_ldap(self) -> bool:
        """Whether people come in by a directory."""
        return bool(self.ldap_enabled and self.ldap_uri and self.ldap_search_dn)

    @property
    def mail_server(self) -> MailServer | None:
        """Who takes our mails; None: nobody, they wait."""
        if self.smtp_url:
            return _server(self.smtp_url)
        if not self.smtp_host:
            return None
        return MailServer(
            self.smtp_host, self.smtp_port, self.smtp_user, self.smtp_password, self.smtp_encryption
        )


def _server(url: str) -> MailServer:
    parts = urlsplit(url)
    is_tls = parts.scheme == "smtps"
    return MailServer(
        parts.hostname or "",
        parts.port or (SMTPS_PORT if is_tls else SMTP_PORT),
        unquote(parts.username or ""),
        unquote(parts.password or ""),
        MailEncryption.TLS if is_tls else MailEncryption.AUTO,
    )
