"""Coming in by OpenID Connect: the code flow with PKCE, and an ID token whose signature and claims are verified."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote, urlencode

import orjson
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from config import Config
from csms import outbound, sentences
from csms.domain.accounts import Person
from csms.outbound import Barred, Unreachable

WITHIN_S = 10.0
LEEWAY_S = 60
SIGNATURES = [
    "RS256",
    "PS256",
    "ES256",
    "RS384",
    "ES384",
    "RS512",
    "ES512",
    "EdDSA",
]  # with a key that they alone have
WELL_KNOWN = "/.well-known/openid-configuration"


class NotLetIn(Exception):
    """It did not work. The message is fit to be shown."""


@dataclass(frozen=True)
class Pending:
    """What must be the same when the browser comes back: kept in its session, which is signed."""

    state: str
    nonce: str
    verifier: str


def begin(settings: Config) -> tuple[str, Pending]:
    """Where to send the browser, and what to keep meanwhile. Raises NotLetIn."""
    document = _describe(settings)
    pending = Pending(secrets.token_urlsafe(32), secrets.token_urlsafe(32), secrets.token_urlsafe(48))
    url = prepare_grant_uri(
        document["authorization_endpoint"],
        settings.oidc_client_id,
        "code",
        redirect_uri=back_url(settings),
        scope=settings.oidc_scope,
        state=pending.state,
        nonce=pending.nonce,
        code_challenge=create_s256_code_challenge(pending.verifier),
        code_challenge_method="S256",
    )
    return str(url), pending


def finish(settings: Config, pending: Pending, answer: Mapping[str, str], at: datetime) -> Person:
    """Who came back with `answer`. Raises NotLetIn."""
    if not secrets.compare_digest(answer.get("state", ""), pending.state):
        raise NotLetIn(sentences.told("This answer is not to what this browser has asked: begin again."))
    if "error" in answer or not answer.get("code"):
        why = answer.get("error_description") or answer.get("error", "no code")
        raise NotLetIn(sentences.told("It was refused there: %(why)s", why=why))
    document = _describe(settings)
    if answer.get("iss", document["issuer"]) != document["issuer"]:
        raise NotLetIn(sentences.told("This answer is another issuer's."))  # RFC 9207
    told = _exchange(settings, document, answer["code"], pending.verifier)
    claims = _verified(settings, document, str(told.get("id_token", "")), pending.nonce, at)
    return _person(settings, claims)


def back_url(settings: Config) -> str:
    """Where browsers come back to; it is to be allowed there."""
    return f"{settings.public_base_url}/login/oidc/back"


def _describe(settings: Config) -> dict[str, Any]:
    document = _json(settings.oidc_discovery_url)
    issuer = settings.oidc_discovery_url.removesuffix(WELL_KNOWN)
    if str(document.get("issuer", "")).rstrip("/") != issuer.rstrip("/"):
        raise NotLetIn(
            sentences.told("The issuer calls itself otherwise than its address: look at OIDC_DISCOVERY_URL.")
        )
    for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
        if not isinstance(document.get(name), str):
            raise NotLetIn(sentences.told("The issuer does not tell its %(name)s.", name=name))
    return document


def _exchange(settings: Config, document: Mapping[str, Any], code: str, verifier: str) -> dict[str, Any]:
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": back_url(settings),
        "client_id": settings.oidc_client_id,
        "code_verifier": verifier,
    }
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
    if settings.oidc_client_secret:
        # RFC 6749 §2.3.1: both are escaped before they are put together.
        pair = f"{quote(settings.oidc_client_id, safe='')}:{quote(settings.oidc_client_secret, safe='')}"
        headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
    try:
        answer = outbound.post(
            document["token_endpoint"],
            urlencode(form).encode(),
            headers,
            within_s=WITHIN_S,
            may_be_private=True,
        )
    except (Barred, Unreachable) as error:
        raise NotLetIn(str(error)) from None
    told = _read(answer.body)
    if answer.status != 200:
        raise NotLetIn(
            sentences.told(
                "The code was refused there: %(why)s", why=told.get("error_description") or told.get("error")
            )
        )
    return told


def _verified(
    settings: Config, document: Mapping[str, Any], token: str, nonce: str, at: datetime
) -> Mapping[str, Any]:
    """The claims of an ID token that is the issuer's, for us, for now, and for this browser (Core §3.1.3.7)."""
    now = int(at.timestamp())
    try:
        keys = KeySet.import_key_set(_json(document["jwks_uri"]))  # type: ignore[arg-type]
        claims = jwt.decode(token, keys, algorithms=SIGNATURES).claims
        rules = jwt.JWTClaimsRegistry(
            now=now,
            leeway=LEEWAY_S,
            iss={"essential": True, "value": document["issuer"]},
            sub={"essential": True},
            aud={"essential": True, "value": settings.oidc_client_id},
            exp={"essential": True},
            iat={"essential": True},
            nonce={"essential": True, "value": nonce},
        )
        rules.validate(claims)
    except (JoseError, ValueError, KeyError, TypeError) as error:
        raise NotLetIn(sentences.told("What the issuer sent is not good: %(why)s", why=error)) from None
    is_shared = isinstance(claims["aud"], list) and len(claims["aud"]) > 1
    if claims.get("azp", None if is_shared else settings.oidc_client_id) != settings.oidc_client_id:
        raise NotLetIn(sentences.told("What the issuer sent is for another program."))
    return claims


def _person(settings: Config, claims: Mapping[str, Any]) -> Person:
    groups = claims.get(settings.oidc_groups_claim) or []
    email = claims.get("email")
    return Person(
        issuer=str(claims["iss"]),
        subject=str(claims["sub"]),
        username=str(claims.get("preferred_username") or email or claims["sub"]),
        email=str(email) if email else None,
        is_email_verified=claims.get("email_verified") is True,
        first_name=_text(claims.get("given_name")),
        last_name=_text(claims.get("family_name")),
        groups=[str(x) for x in groups] if isinstance(groups, list) else [str(groups)],
    )


def _text(value: object) -> str | None:
    return str(value) if value else None


def _json(url: str) -> dict[str, Any]:
    try:
        answer = outbound.get(url, within_s=WITHIN_S, may_be_private=True)
    except (Barred, Unreachable) as error:
        raise NotLetIn(str(error)) from None
    if answer.status != 200:
        raise NotLetIn(
            sentences.told("The issuer answers with %(status)s at %(url)s.", status=answer.status, url=url)
        )
    return _read(answer.body)


def _read(body: bytes) -> dict[str, Any]:
    try:
        told = orjson.loads(body)
    except orjson.JSONDecodeError:
        told = None
    if not isinstance(told, dict):
        raise NotLetIn(sentences.told("The issuer does not answer with JSON."))
    return told
