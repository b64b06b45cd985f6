"""Under the pseudo-locale the search and what it asks before an order have no word left in plain English."""

from __future__ import annotations

import pytest

from tests.web import pseudo
from tests.web.pseudo import assert_translated

pytestmark = pytest.mark.sqlite_is_enough


def test_the_search_and_the_orders_that_are_typed(reader, site):
    site.begin()
    owner, names = reader.log_in(), pseudo.names_in(site.session)
    for words in ("", "a", "zulu", "reset plaza"):
        answer = owner.get("/search", query_string={"q": words}, follow_redirects=True)
        assert_translated(answer, *names, "zulu", "reset", "plaza")
    for order in ("reset", "unlock", "start", "available", "unavailable"):
        assert_translated(owner.get(f"/chargers/{site.charger.id}/commands/{order}"), *names)
