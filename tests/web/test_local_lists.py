"""Lists of cards on pages: how they stand, and what operators order."""

from make import store

from csms import clock
from csms.domain import chargers, local_lists
from csms.domain.accounts import Role
from csms.domain.local_lists import ListState, queries


def test_an_operator_keeps_a_list_and_empties_it_again(visitor, site):
    olga = visitor().log_in()
    page = f"/chargers/{site.charger.id}/configuration"
    assert "Keep a list" in olga.text(page)
    olga.post(f"/local-lists/{site.charger.id}/on")
    assert "It has not been sent yet" in olga.text(page)
    assert "Behind" in olga.text("/local-lists")
    olga.post(f"/local-lists/{site.charger.id}/off")
    row = queries.find(site.session, site.charger.id)
    assert row is not None
    assert (row.is_on, row.is_full_due) == (False, True)
    assert "local_list.off" in olga.text("/settings/audit")


def test_why_a_list_cannot_be_kept_is_shown(visitor, site):
    charger = chargers.get(site.session, site.charger.id)
    local_lists.choose(site.session, charger, True, by="olga", at=clock.now())
    row = queries.find(site.session, charger.id)
    row.state, row.detail = ListState.UNSUPPORTED, "The charger says that it keeps no list (version -1)."
    store(site.session)
    olga = visitor().log_in()
    for path in ("/local-lists", f"/chargers/{charger.id}/configuration"):
        assert "keeps no list (version -1)" in olga.text(path)


def test_whoever_may_only_look_orders_nothing(visitor, site):
    reader = visitor().log_in(Role.READ_ONLY)
    assert "No list yet" in reader.text("/local-lists")
    assert reader.post(f"/local-lists/{site.charger.id}/on").status_code == 404
