"""What `/` shows, by the name under which the server is asked; the README and the documents as pages."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from csms import documents
from csms.domain.accounts import Role
from settings import ROOT, Home
from tests.web.site import Site
from tests.web.visitor import Visitor, told

Visitors = Callable[[], Visitor]


def at(visitor: Visitor, host: str) -> Any:
    return visitor.get("/", headers={"Host": host})


def test_without_host_names_the_dashboard_is_there_for_those_who_may_see_it(
    visitor: Visitors, site: Site
) -> None:
    assert visitor().get("/").location == "/login"
    assert "Dashboard" in visitor().log_in().text("/")
    assert visitor().log_in(Role.DRIVER, site.account.id).get("/").location == "/accounts/me"


@pytest.mark.seed("003", "Pages by host name")
def test_a_host_name_chooses_the_page_and_unknown_ones_show_the_readme(visitor: Visitors) -> None:
    olga = visitor().log_in()
    assert "All others" in olga.text("/hostnames")
    wrong = olga.post("/hostnames", {"hostname": "with:port", "module": "map"})
    assert (wrong.status_code, "and no port" in told(wrong)) == (422, True)
    for name, module in (
        ("Map.Example.org.", "map"),
        ("chargers.example.org", "readme-ocpp"),
        ("ui.example.org", "dashboard"),
    ):
        assert olga.post("/hostnames", {"hostname": name, "module": module}).status_code == 302
    stranger = visitor()
    assert at(stranger, "map.example.org:8000").location == "/map"
    assert '<h1 id="chargers">Chargers</h1>' in at(stranger, "chargers.example.org").text
    assert at(stranger, "ui.example.org").location == "/login"
    unknown = at(stranger, "unknown.example.org")
    assert '<h1 id="amberline">Amberline</h1>' in unknown.text
    assert 'href="/ui/"' in unknown.text
    assert "map.example.org" in olga.text("/hostnames")


@pytest.mark.parametrize("settings", [{"home_page": Home.README}])
def test_home_page_may_be_the_readme(app: Flask, session: Session) -> None:
    assert "Amberline</h1>" in Visitor(app, session).text("/")


@pytest.mark.parametrize("settings", [{"home_page": Home.UI}])
def test_home_page_may_be_the_dashboard_whatever_names_there_are(app: Flask, session: Session) -> None:
    olga = Visitor(app, session).log_in()
    olga.post("/hostnames", {"hostname": "map.example.org", "module": "map"})
    assert "Dashboard" in olga.text("/")
    olga.text("/hostnames")
    assert Visitor(app, session).get("/").location == "/login"


@pytest.mark.seed("003", "The README as a page")
def test_the_readme_is_a_page_and_its_links_lead_to_pages(visitor: Visitors) -> None:
    stranger = visitor()
    page = stranger.text("/readme/")
    assert '<a href="/readme/docs/operators.md"' in page
    assert '<img src="/readme/docs/images/dashboard.png"' in page
    assert "<td>" in page
    assert "style=" not in page
    operators = stranger.text("/readme/docs/operators.md")
    assert '<h2 id="lab-mode">Lab mode</h2>' in operators
    with stranger.get("/readme/docs/images/dashboard.png") as picture:
        assert picture.mimetype == "image/png"
    assert "SimulatorConfig" in stranger.text("/readme/simulator")
    for name in (
        "wsgi.py",
        "docs/../config.py",
        "instance/secret_key",
        "docs/images/none.png",
        "docs/none.md",
    ):
        assert stranger.get(f"/readme/{name}").status_code == 404, name


def test_markdown_cannot_do_harm(tmp_path: Any) -> None:
    text = """# T
<script>alert(1)</script> <img src=x onerror=alert(1)> <b style="color:red" onclick="x()">bold</b>
[bad](javascript:alert(1)) [out](/etc/passwd) [known](docs/a.md#b) <form action="/x"><input></form>
"""
    (tmp_path / "x.md").write_text(text)
    html = documents.rendered(tmp_path / "x.md", "x.md", frozenset({"docs/a.md"}), "/readme/")
    for word in ("<script", "onerror", "onclick", "style", '"javascript', "/etc", "<form", "<input"):
        assert word not in html
    assert '<a href="/readme/docs/a.md#b"' in html


@pytest.mark.seed("003", "flask build-readme")
def test_build_readme_joins_the_base_and_the_modules(app: Flask) -> None:
    built = documents.joined(ROOT)
    assert built.startswith((ROOT / "README.base.md").read_text().strip())
    assert built.index("## Chargers\n") < built.index("## Pages\n") < built.index("## Simulator\n")
    done = app.test_cli_runner().invoke(args=["build-readme"])
    assert done.output == f"Wrote {ROOT / 'README.md'}\n"
    assert (ROOT / "README.md").read_text() == built
