"""The server, but one with less patience than its settings allow: commands have 2 s, leases last 12 s."""

from __future__ import annotations

# First of all, as it patches.
import wsgi  # isort: skip

from dataclasses import replace

from csms.serve import serve

if __name__ == "__main__":
    serve(wsgi.app, replace(wsgi.config, command_timeout_s=2, ping_interval_s=1))
