"""Sentences for people, said where no door is near: marked here, translated by the door that shows them."""


def gettext_noop(sentence: str) -> str:
    """The sentence as it is; `make words` finds it by this name and puts it into the catalogues."""
    return sentence


def told(sentence: str, **values: object) -> str:
    """A sentence to be stored: in English, with `values` in place of its %(name)s.

    `make words` finds it by this name; `languages.stored` finds the sentence and its values again in what was stored.
    """
    return sentence % values if values else sentence
