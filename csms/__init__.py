"""Amberline: a charging station management system. `create_app` puts it together; importing has no effects."""

import functools
import hashlib
from pathlib import Path
from typing import Any

import orjson
from flask import Flask

from config import Config
from csms import log, quirks
from csms.bus import LocalBus, RedisBus
from csms.extensions import csrf, db, jwt, limiter, login, migrate, sock
from csms.gauges import Gauges
from csms.routes import AnythingConverter, IdConverter, Route
from csms.seal import Seal


def create_app(config: Config) -> Flask:
    """The application, ready to be served; opens no connection and starts no greenlet. Raises ValueError for a config
    that was not settled by `Config.from_environment` (no secret key, no database).
    """
    if not (config.secret_key and config.database_url):
        raise ValueError("create_app needs a secret key and a database: use Config.from_environment()")
    log.configure(config.log_level.value, config.log_format.value)
    config.instance_dir.mkdir(parents=True, exist_ok=True)
    app = Flask(
        __name__,
        instance_path=str(config.instance_dir),
        root_path=str(config.root),
        template_folder="templates",
        static_folder="static",
    )
    app.url_rule_class = Route
    app.url_map.converters |= {"int": IdConverter, "anything": AnythingConverter}
    app.config.from_mapping(flask_settings(config))
    quirks.profiles()  # a file of theirs that is wrong is told now, and not when its charger comes
    app.extensions["settings"] = config
    app.extensions["bus"] = RedisBus(config.redis_url) if config.redis_url else LocalBus()
    app.extensions["authority"] = functools.cache(functools.partial(_authority, config))
    app.extensions["gauges"] = Gauges()
    app.extensions["seal"] = Seal(config.secret_key)
    _bind_extensions(app)
    _register_doors(app)
    return app


def flask_settings(config: Config) -> dict[str, object]:
    """What Flask, its extensions and the doors read from `app.config`."""
    return {
        "SECRET_KEY": config.secret_key,
        "PEPPER": hashlib.sha256(b"charger keys" + config.secret_key.encode()).digest(),
        "SQLALCHEMY_DATABASE_URI": config.database_url,
        "SQLALCHEMY_ENGINE_OPTIONS": {"json_deserializer": orjson.loads}
        | ({} if config.database_url.startswith("sqlite") else {"pool_size": 20}),
        "SESSION_COOKIE_SAMESITE": "Lax",
        "SESSION_COOKIE_HTTPONLY": True,
        "SESSION_COOKIE_SECURE": config.public_base_url.startswith("https:"),
        "REMEMBER_COOKIE_SAMESITE": "Lax",
        "MAX_CONTENT_LENGTH": 1 << 20,
        "JWT_SECRET_KEY": hashlib.sha256(b"json api" + config.secret_key.encode()).hexdigest(),
        "JWT_ACCESS_TOKEN_EXPIRES": config.access_token_lifetime,
        "RATELIMIT_STORAGE_URI": config.redis_url or "memory://",
        "RATELIMIT_HEADERS_ENABLED": True,
        "RATELIMIT_IN_MEMORY_FALLBACK_ENABLED": bool(config.redis_url),
        "WTF_CSRF_TIME_LIMIT": None,
        "LAB": config.lab,
        "REQUIRES_SUBPROTOCOL": config.requires_subprotocol,
        "UNKNOWN_CHARGERS": config.unknown_chargers.value,
        "CPO_NAME": cpo_name(config),
    }


def cpo_name(config: Config) -> str:
    """The organisation in chargers' certificates."""
    return config.cpo_name or config.organisation[:64]


def _authority(config: Config) -> Any:
    """Who signs chargers' certificates. Made when it is first needed: few installations are without TLS for ever."""
    from csms import clock
    from csms.domain.security import authority

    if config.ca_file:
        return authority.read(Path(config.ca_file).read_bytes())
    return authority.kept(config.instance_dir / authority.FILE_NAME, cpo_name(config), at=clock.now())


def _bind_extensions(app: Flask) -> None:
    db.init_app(app)
    migrate.init_app(app, db, render_as_batch=True)
    login.init_app(app)
    jwt.init_app(app)
    sock.init_app(app)
    csrf.init_app(app)
    limiter.init_app(app)


def _register_doors(app: Flask) -> None:
    """The doors are imported here, so that importing `csms` for its simulator stays light."""
    from csms import api, cli, compat, ocpi, sight, web, work
    from csms.ocpp import endpoint

    with app.app_context():
        work.tune(db.engine)
    sight.register(app)
    app.register_blueprint(endpoint.blueprint)
    csrf.exempt(endpoint.blueprint)
    web.register(app)
    api.register(app)
    ocpi.register(app)
    compat.register(app)
    cli.register(app)
