"""The pages of API keys."""

from __future__ import annotations

import re

import pytest

from csms import clock
from csms.domain import sites
from csms.domain.accounts import Role
from tests.api.caller import Api
from tests.web.browser import publish

GIVEN = {"name": "Billing", "scopes": ["read", "operate"], "sight": "all"}


def test_a_key_is_made_shown_once_renewed_and_revoked(visitor, client, session):
    olga = visitor().log_in()
    assert "No API key yet" in olga.text("/integrations")
    page = olga.post("/integrations/keys", GIVEN).get_data(as_text=True)
    key = re.search(r"csms_live_[a-z0-9]{12}_[\w-]{43}", page)[0]
    here = re.search(r'action="(/integrations/keys/\d+)/rotate"', page)[1]
    api = Api(client, session, key)
    assert api.get("/chargers").status_code == 200
    assert key not in olga.text(here)
    assert "127.0.0.1" in olga.text("/integrations")
    renewed = olga.post(f"{here}/rotate", {"overlap": "86400"}).get_data(as_text=True)
    assert "csms_live_" in renewed
    assert "Old secret goes on until" in renewed
    assert olga.post(f"{here}/revoke").status_code == 302
    assert "Revoked" in olga.text("/integrations")
    assert api.get("/chargers").status_code == 401
    assert "not in use any more" in olga.text(
        olga.post(f"{here}/rotate", {"overlap": "0"}).headers["Location"]
    )


def test_a_key_for_a_site_names_it(visitor, session):
    site = sites.add(session, sites.Details(name="Garage"), at=clock.now())
    publish(session)
    olga = visitor().log_in()
    page = olga.post("/integrations/keys", GIVEN | {"sight": "sites", "site": [str(site.id)]})
    assert "Garage" in page.get_data(as_text=True)


def test_a_key_is_changed_and_its_secret_goes_on(visitor, client, session):
    olga = visitor().log_in()
    page = olga.post("/integrations/keys", GIVEN | {"expires": "2099-12-31"}).get_data(as_text=True)
    api = Api(client, session, re.search(r"csms_live_[a-z0-9]{12}_[\w-]{43}", page)[0])
    here = re.search(r'action="(/integrations/keys/\d+)/rotate"', page)[1]
    assert f'action="{here}"' in page  # where the key is shown as well, at another address
    assert 'value="2099-12-31"' in olga.text(here)
    taken = olga.post(here, GIVEN | {"scopes": []})
    assert taken.status_code == 422
    assert "Choose at least one scope." in taken.get_data(as_text=True)
    assert olga.post(here, GIVEN | {"name": "Bills", "scopes": ["read"]}).status_code == 302
    assert "Bills" in olga.text("/integrations")
    assert "Billing" not in olga.text("/integrations")
    assert api.get("/chargers").status_code == 200
    assert api.post("/chargers/CP-1/commands", {"action": "Reset", "payload": {}}).status_code == 403
    olga.post(f"{here}/revoke")
    assert "not in use any more" in olga.text(olga.post(here, GIVEN).headers["Location"])
    assert "Change it" not in olga.text(here)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"name": " "}, "Write what the key is for."),
        ({"scopes": []}, "Choose at least one scope."),
        ({"sight": "sites"}, "Choose at least one site."),
        ({"sight": "test", "scopes": ["own"]}, "can only read and operate"),
        ({"expires": "2020-01-01"}, "This is over already."),
        ({"expires": "soon"}, "Write a day"),
    ],
)
def test_what_is_wrong_is_told_at_its_field(visitor, given, words):
    answer = visitor().log_in().post("/integrations/keys", GIVEN | given)
    assert answer.status_code == 422
    assert words in answer.get_data(as_text=True)


def test_keys_are_the_owners_matter(visitor):
    assert visitor().log_in(Role.OPERATOR).get("/integrations").status_code == 404
