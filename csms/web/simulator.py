"""Chargers in software, running in this process and connected over a real websocket, for trying things out."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Protocol

from flask import Blueprint, abort, current_app, flash, redirect, render_template, request, url_for
from flask_babel import gettext, lazy_gettext, ngettext
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from csms import clock
from csms.domain import simulators
from csms.domain.base import DomainError, Invalid, NotFound, Refused
from csms.domain.chargers import Charger
from csms.domain.transactions import removal
from csms.extensions import db
from csms.sentences import told
from csms.web.languages import said
from csms.web.security import put_on_record, requires
from csms.work import atomic

blueprint = Blueprint("simulator", __name__, url_prefix="/simulator")

MOST = 100
MOST_REFUSALS = 3  # on one page
# What a person can do: the action, its name, its icon, whether it is done to a connector.
ACTIONS = (
    ("plug", lazy_gettext("Plug in"), "plug-zap", True),
    ("swipe", lazy_gettext("Swipe card"), "nfc", True),
    ("unplug", lazy_gettext("Unplug"), "unplug", True),
    ("fault", lazy_gettext("Fault"), "triangle-alert", True),
    ("clear_fault", lazy_gettext("Clear fault"), "check", True),
    ("offline", lazy_gettext("Cut network"), "wifi-off", False),
    ("online", lazy_gettext("Network back"), "wifi", False),
    ("power_cut", lazy_gettext("Cut power"), "power", False),
    ("power_on", lazy_gettext("Power back"), "zap", False),
    ("reboot", lazy_gettext("Reboot"), "rotate-cw", False),
    ("wrong_clock", lazy_gettext("Clock 10 min fast"), "timer", False),
    ("right_clock", lazy_gettext("Clock right"), "clock", False),
    ("bad_json", lazy_gettext("Send broken JSON"), "octagon-x", False),
)
WRONG_CLOCK_S = 600.0
# What the registry calls those that it knows by another name, and with which seconds.
DEEDS = {"wrong_clock": ("skew_clock", WRONG_CLOCK_S), "right_clock": ("skew_clock", 0.0)}


class SimulatedCharger(Protocol):
    """What the page shows of one: see its own snapshot for the rest."""

    @property
    def identity(self) -> str: ...
    @property
    def is_connected(self) -> bool: ...
    @property
    def connectors(self) -> Sequence[Any]: ...


class Registry(Protocol):
    """The chargers in software that run in this process."""

    def start(self, identity: str, url: str, **more: Any) -> object: ...
    def stop(self, identity: str) -> None: ...
    def running(self) -> Sequence[SimulatedCharger]: ...
    def act(self, identity: str, action: str, *, connector: int, id_tag: str, seconds: float) -> object: ...


@blueprint.get("")
@requires("operate")
def index() -> str:
    return render_template("simulator/index.html", **_view())


@blueprint.get("/live")
@requires("operate")
def live() -> str:
    """The running ones, for their live region."""
    return render_template("simulator/_running.html", **_view())


@blueprint.post("/start")
@requires("operate")
def start() -> Response | tuple[str, int]:
    """Start `count` chargers, or as many as there is room for; or the one called `identity`."""
    wanted = request.form.get("identity", "").strip()
    try:
        names = _start(wanted, max(1, request.form.get("count", 1, type=int)))
    except DomainError as error:
        view = _view() | {"problem": said(error), "wanted": wanted}
        return render_template("simulator/index.html", **view), 422 if isinstance(error, Invalid) else 409
    flash(_starting(names), "success")
    return redirect(url_for(".index"))


def _start(wanted: str, count: int) -> list[str]:
    """The names of those that start. Raises Refused or Invalid."""
    registry = registry_here()
    running = {x.identity for x in registry.running()}
    room = MOST - len(running)
    if room < 1:
        raise Refused("At most %(most)s simulated chargers run at a time.", most=MOST)
    names = [wanted] if wanted else _free_names(min(count, room), running)
    with atomic() as session:
        for name in names:
            prepare(name, running)
        put_on_record(session, "simulator.start", ", ".join(names)[:120])
    for name in names:
        registry.start(name, own_url())
    return names


def _starting(names: Sequence[str]) -> str:
    if len(names) == 1:
        return gettext("%(name)s starts.", name=names[0])
    return gettext("%(count)s simulated chargers start.", count=len(names))


@blueprint.post("/<identity>/stop")
@requires("operate")
def stop(identity: str) -> Response:
    """Pull the plug of one; what it left stays until it is removed."""
    if _is_running(identity):
        registry_here().stop(identity)
        flash(gettext("%(name)s has been stopped.", name=identity), "success")
    return redirect(url_for(".index"))


@blueprint.post("/<identity>/act")
@requires("operate")
def act(identity: str) -> str | Response:
    action = request.form.get("action", "")
    if action not in {x[0] for x in ACTIONS}:
        abort(404)
    if not _is_running(identity):
        raise NotFound("%(identity)s does not run: somebody has stopped it.", identity=identity)
    id_tag = request.form.get("card", "").strip()[:20] or "FFFFFFFF"
    deed, seconds = DEEDS.get(action, (action, 0.0))
    connector = request.form.get("connector", 1, type=int)
    registry_here().act(identity, deed, connector=connector, id_tag=id_tag, seconds=seconds)
    if "HX-Request" in request.headers:
        return render_template("simulator/_running.html", **_view())
    return redirect(url_for(".index"))


@blueprint.post("/remove")
@requires("edit")
def remove() -> Response:
    """Stop all simulated chargers, or one, and forget them with all that they sent."""
    wanted = request.form.get("identity", "").strip()
    at = clock.now()
    registry: Registry | None = current_app.extensions.get("simulators")
    if registry is not None:
        for state in registry.running():
            if wanted in ("", state.identity):
                registry.stop(state.identity)
    with atomic() as session:
        meant = [x for x in removal.simulated(session) if wanted in ("", x.identity)]
        refusals = [x for charger in meant if (x := _refusal_to_remove(session, charger, at))]
        gone = len(meant) - len(refusals)
        put_on_record(session, "simulator.remove", told("%(count)s chargers", count=gone))
    if gone or not refusals:
        words = ngettext(
            "%(num)s simulated charger is removed.", "%(num)s simulated chargers are removed.", gone
        )
        flash(words, "success")
    for refusal in refusals[:MOST_REFUSALS]:
        flash(refusal, "error")
    return redirect(url_for(".index"))


def _refusal_to_remove(session: Session, charger: Charger, at: datetime) -> str | None:
    """Why a charger stays; None: it is gone."""
    try:
        removal.remove_simulated(session, charger, at=at)
    except Refused as refusal:
        return said(refusal)
    return None


def prepare(identity: str, running: set[str]) -> None:
    """The charger's row, for one that does not run yet. Raises Refused or Invalid."""
    if identity in running:
        raise Refused("%(identity)s is running already.", identity=identity)
    simulators.prepare(db.session(), identity, at=clock.now())


def _free_names(count: int, running: set[str]) -> list[str]:
    """Those that were stopped come first: their sessions and meters go on."""
    numbers = (f"SIM-{number:04}" for number in range(1, 10_000))
    return [name for name in numbers if name not in running][:count]


def _is_running(identity: str) -> bool:
    return any(x.identity == identity for x in registry_here().running())


def registry_here() -> Registry:
    """Raises Refused where this process has none."""
    registry: Registry | None = current_app.extensions.get("simulators")
    if registry is None:
        raise Refused("This process runs no simulated chargers.")
    return registry


def own_url() -> str:
    """This very server, as it is reached from within."""
    settings = current_app.extensions["settings"]
    return "ws" + str(settings.local_url).removeprefix("http") + "/ws/ocpp"


def _view() -> dict[str, Any]:
    registry: Registry | None = current_app.extensions.get("simulators")
    running = registry.running() if registry else ()
    known: dict[str, Charger] = {x.identity: x for x in removal.simulated(db.session())}
    idle = [x for x in known.values() if x.identity not in {state.identity for state in running}]
    return {
        "running": [(x, known.get(x.identity)) for x in running],
        "idle": idle,
        "entries": simulators.listed(db.session()),
        "is_there": registry is not None,
        "actions": ACTIONS,
        "now": clock.now(),
    }
