"""An address of a static file follows its content."""

import os
from pathlib import Path

import pytest
from flask import Flask

from csms.web.assets import asset


def test_the_address_changes_when_the_file_changes(tmp_path: Path) -> None:
    app = Flask(__name__, static_folder=str(tmp_path))
    style = tmp_path / "app.css"
    style.write_text("a{}")
    with app.test_request_context():
        before = asset("app.css")
    style.write_text("b{}")
    os.utime(style, ns=(1, 1))
    with app.test_request_context():
        assert asset("app.css") != before


def test_a_misspelt_file_is_noticed_when_the_page_is_made(tmp_path: Path) -> None:
    app = Flask(__name__, static_folder=str(tmp_path))
    with app.test_request_context(), pytest.raises(FileNotFoundError):
        asset("ap.css")
