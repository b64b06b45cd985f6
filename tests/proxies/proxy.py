"""nginx and Caddy themselves, run with the snippets of docs/deployment.md."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import time
from pathlib import Path

from tests.live import ROOT, free_port

DOCUMENT = ROOT / "docs" / "deployment.md"
HOST = "charging.example.org"
START_WITHIN_S = 60.0
PLACES = f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin"


def binary(name: str) -> str | None:
    """Where it is; Debian keeps nginx where only root looks."""
    return shutil.which(name, path=PLACES)


def snippets(language: str) -> list[str]:
    """The document's examples for one proxy: what everybody needs, and what client certificates need."""
    return re.findall(rf"```{language}\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)


class Proxy:
    """One proxy before the server at `upstream`, with TLS by `certificate` (with its key in the same file)."""

    def __init__(
        self, name: str, directory: Path, upstream: int, certificate: str, *, is_mutual: bool
    ) -> None:
        self.name = name
        self.directory = directory
        self.port = free_port()
        self._upstream = upstream
        self._certificate = certificate
        self.is_mutual = is_mutual
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Run it, and return when it listens. Raises AssertionError with what it says."""
        file = self.directory / self.name
        file.write_text(self._nginx() if self.name == "nginx" else self._caddy())
        found = binary(self.name)
        assert found is not None
        arguments = {
            "nginx": ["-c", str(file), "-p", str(self.directory), "-e", "stderr"],
            "caddy": ["run", "--config", str(file), "--adapter", "caddyfile"],
        }[self.name]
        environment = os.environ | {"HOME": str(self.directory), "XDG_DATA_HOME": str(self.directory)}
        with (self.directory / "proxy.log").open("wb") as log:
            self._process = subprocess.Popen([found, *arguments], env=environment, stdout=log, stderr=log)
        give_up_at = time.monotonic() + START_WITHIN_S
        while not self._listens():
            if self._process.poll() is not None or time.monotonic() > give_up_at:
                raise AssertionError((self.directory / "proxy.log").read_text())
            time.sleep(0.05)

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(20)

    def _listens(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def _nginx(self) -> str:
        plain, *rest = snippets("nginx")
        text = plain
        if self.is_mutual:
            verify, header = (x.strip() for x in rest[0].strip().splitlines())
            assert header.endswith("# inside location")
            text = text.replace("    location / {", f"    {verify}\n\n    location / {{\n        {header}")
        text = text.replace("listen 443 ", f"listen 127.0.0.1:{self.port} ").replace(HOST, "localhost")
        text = text.replace("/etc/ssl/charging.pem", self._certificate)
        text = self._to_upstream(text.replace("/etc/ssl/charging.key", self._certificate))
        user = "user root;" if os.geteuid() == 0 else ""
        paths = " ".join(
            f"{kind}_temp_path {self.directory}/{kind};"
            for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        head = f"{user} daemon off; master_process off; pid {self.directory}/pid; events {{}}"
        return f"{head}\nhttp {{ access_log off; {paths}\n{text}\n}}\n"

    def _caddy(self) -> str:
        plain, mutual = snippets("caddy")
        text = (mutual if self.is_mutual else plain).replace(HOST, f"https://localhost:{self.port}")
        tls = f"tls {self._certificate} {self._certificate}"
        place, filled = ("tls {", f"{tls} {{") if self.is_mutual else ("{\n", f"{{\n\t{tls}\n")
        text = text.replace(place, filled, 1)
        return "{\n\tadmin off\n\tauto_https off\n}\n" + self._to_upstream(text)

    def _to_upstream(self, text: str) -> str:
        assert "127.0.0.1:8000" in text
        return text.replace("127.0.0.1:8000", f"127.0.0.1:{self._upstream}")
