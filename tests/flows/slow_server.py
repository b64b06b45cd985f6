"""The server, but one that takes a second between storing a BootNotification and answering it."""

from __future__ import annotations

# First of all, as it patches.
import wsgi  # isort: skip

import gevent

from csms.ocpp import endpoint, link, units
from csms.serve import serve

HELD_S = 1.0


class Link(link.Link):
    __slots__ = ()

    def _answer(self, unit: units.Received) -> str:
        text = super()._answer(unit)
        if unit.call.action == "BootNotification":
            gevent.sleep(HELD_S)
        return text


if __name__ == "__main__":
    endpoint.Link = Link  # type: ignore[misc]
    serve(wsgi.app, wsgi.config)
