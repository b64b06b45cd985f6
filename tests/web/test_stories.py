"""What happened in a session, in sentences."""

from csms.domain.transactions import Flag
from csms.web.stories import FLAGS, flag_sentences, reason_words


def test_every_flag_has_a_sentence():
    assert set(FLAGS) == set(Flag)
    assert flag_sentences(["estimated", "of the future"]) == [FLAGS[Flag.ESTIMATED]]


def test_a_reason_that_nobody_knows_is_shown_as_it_came():
    assert reason_words("EVDisconnected") == "the cable was pulled"
    assert reason_words("VendorSpecific") == "VendorSpecific"
    assert reason_words(None) == "the station gives no reason"
