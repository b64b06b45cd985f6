"""Sentences for people, said where no door is near: marked here, translated by the door that shows them."""


def gettext_noop(sentence: str) -> str:
    """The sentence as it is; `make words` finds it by this name and puts it into the catalogues."""
    return sentence
