"""Chargers' keys: kept as hashes, known again in every form in which chargers send them."""

from __future__ import annotations

import pytest

from csms.domain.base import Invalid
from csms.domain.chargers import keys

PEPPER = b"pepper"


def test_a_key_that_we_make_is_known_as_its_digits_and_as_its_bytes() -> None:
    key = keys.new_key()
    stored = keys.hash_key(key, PEPPER)
    assert key not in stored
    assert not keys.is_slow(stored)
    for presented in (key.encode(), key.lower().encode(), bytes.fromhex(key)):
        assert keys.matches(stored, presented, PEPPER)


def test_a_key_that_a_person_thought_of_is_known_by_its_text() -> None:
    stored = keys.hash_key("correct:horse:battery", PEPPER)
    assert keys.is_slow(stored)
    assert keys.matches(stored, b"correct:horse:battery", PEPPER)
    assert not keys.matches(stored, b"correct:horse:batterz", PEPPER)


@pytest.mark.parametrize("presented", [b"", b"\xff\x00", b"A" * 40, b"not the key at all"])
def test_another_key_is_not_the_key(presented: bytes) -> None:
    assert not keys.matches(keys.hash_key(keys.new_key(), PEPPER), presented, PEPPER)


def test_the_same_key_under_another_pepper_is_not_the_key() -> None:
    key = keys.new_key()
    assert not keys.matches(keys.hash_key(key, PEPPER), key.encode(), b"salt")


def test_the_same_key_twice_has_two_hashes() -> None:
    key = keys.new_key()
    assert keys.hash_key(key, PEPPER) != keys.hash_key(key, PEPPER)


@pytest.mark.parametrize("key", ["short", "x" * 15, "x" * 41])
def test_a_key_that_is_unsafe_or_too_long_is_refused(key: str) -> None:
    with pytest.raises(Invalid):
        keys.hash_key(key, PEPPER)
