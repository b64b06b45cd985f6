"""A small issuer of OpenID Connect, in a thread: it describes itself, gives codes to whom a test names, and signs."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from flask import Flask, jsonify, request
from joserfc import jwt
from joserfc.jwk import RSAKey
from werkzeug.serving import WSGIRequestHandler, make_server

CLIENT, SECRET = "amberline", "kept between us"


@dataclass
class Issuer:
    """`claims` are added to those of every token; `key` signs, `published` is what others are told of it."""

    url: str = ""
    key: RSAKey = field(default_factory=lambda: RSAKey.generate_key(2048, {"kid": "one", "use": "sig"}))
    published: RSAKey | None = None
    claims: dict[str, Any] = field(default_factory=dict)
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    asked: dict[str, str] = field(default_factory=dict)
    now: int = 0

    @property
    def discovery_url(self) -> str:
        return f"{self.url}/.well-known/openid-configuration"

    def log_in(self, address: str) -> str:
        """What somebody who logs in at `address` is sent back to: its path and query."""
        asked = {x: y[0] for x, y in parse_qs(urlsplit(address).query).items()}
        self.asked = asked
        code = secrets.token_urlsafe(8)
        self.codes[code] = asked
        answer = urlencode({"code": code, "state": asked["state"], "iss": self.url})
        return f"{urlsplit(asked['redirect_uri']).path}?{answer}"

    def token(self, asked: dict[str, str]) -> str:
        claims = {
            "iss": self.url,
            "sub": "u-1",
            "aud": CLIENT,
            "iat": self.now,
            "exp": self.now + 300,
            "nonce": asked["nonce"],
            "preferred_username": "marta",
            "email": "marta@example.org",
            "email_verified": True,
            **self.claims,
        }
        return jwt.encode({"alg": "RS256", "kid": "one"}, claims, self.key)

    def app(self) -> Flask:
        app = Flask("issuer")

        @app.get("/.well-known/openid-configuration")
        def describe() -> Any:
            return jsonify(
                issuer=self.url,
                authorization_endpoint=f"{self.url}/authorize",
                token_endpoint=f"{self.url}/token",
                jwks_uri=f"{self.url}/keys",
            )

        @app.get("/keys")
        def keys() -> Any:
            return jsonify(keys=[(self.published or self.key).as_dict(private=False)])

        @app.post("/token")
        def token() -> Any:
            asked = self.codes.pop(request.form["code"], None)
            known = request.authorization
            is_client = known is not None and (known.username, known.password) == (
                CLIENT,
                SECRET.replace(" ", "%20"),
            )
            made = hashlib.sha256(request.form["code_verifier"].encode()).digest()
            challenge = base64.urlsafe_b64encode(made).rstrip(b"=").decode()
            if asked is None or not is_client or challenge != asked["code_challenge"]:
                return jsonify(error="invalid_grant"), 400
            return jsonify(json.loads(json.dumps({"id_token": self.token(asked), "token_type": "Bearer"})))

        return app


class _Quiet(WSGIRequestHandler):
    def log(self, *_args: Any) -> None:
        """Nothing: a test's own words are enough."""


@contextmanager
def issuer(now: int) -> Iterator[Issuer]:
    made = Issuer(now=now)
    server = make_server("127.0.0.1", 0, made.app(), threaded=True, request_handler=_Quiet)
    made.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield made
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
