"""Every sentence is in every catalogue, and the server reads what the catalogues say."""

from __future__ import annotations

import pytest

from tools import words


@pytest.fixture(scope="module")
def said():
    """Every sentence that is marked, read once: it takes seconds."""
    return words.extracted()


@pytest.mark.parametrize("language", words.languages())
def test_every_sentence_is_translated_with_its_placeholders(language, said):
    kept, wanted = words.read(language), said
    missing = [x.id for x in wanted if x.id and kept.get(x.id, x.context) is None]
    assert missing == [], "run `make words`, and translate what it names"
    assert list(words.problems(kept)) == []


@pytest.mark.parametrize("language", words.languages())
def test_no_catalogue_keeps_what_nobody_says(language, said):
    assert [x.id for x in words.read(language) if x.id and said.get(x.id, x.context) is None] == []


@pytest.mark.parametrize("language", words.languages())
def test_the_compiled_catalogue_is_up_to_date(language):
    compiled = words.catalogue_file(language).with_suffix(".mo").read_bytes()
    assert compiled == words.compiled(words.read(language)), "run `make words`"


@pytest.mark.parametrize(
    ("sentence", "translated", "problem"),
    [
        ("Start anew", "", "missing"),
        ("%(amount)s is gone", "Ein Betrag ist weg", "other placeholders"),
        ("Pay <b>now</b>", "Zahlen Sie jetzt", "other markup"),
    ],
)
def test_what_a_reader_would_stumble_over_is_named(sentence, translated, problem):
    catalog = words.read("de")
    catalog.add(sentence, translated)
    assert list(words.problems(catalog)) == [f"{problem}: {sentence}"]


def test_a_translation_that_was_guessed_is_named():
    catalog = words.read("de")
    catalog.add("Charge on", "Weiterladen", flags=("fuzzy",))
    assert list(words.problems(catalog)) == ["unsure: Charge on"]
