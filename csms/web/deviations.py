"""What chargers do against the specification, for people."""

from __future__ import annotations

from flask_babel import lazy_gettext

from csms.domain.frames import Deviation

DEVIATIONS = {
    Deviation.NOT_JSON: lazy_gettext("Not JSON"),
    Deviation.MESSAGE_SHAPE: lazy_gettext("Not a message of OCPP"),
    Deviation.MESSAGE_ID_NUMBER: lazy_gettext("Number instead of message id"),
    Deviation.KEY_TWICE: lazy_gettext("A member twice"),
    Deviation.BAD_UNICODE: lazy_gettext("Broken characters"),
    Deviation.TOO_BIG: lazy_gettext("Too many values"),
    Deviation.ACTION_UNKNOWN: lazy_gettext("Unknown action"),
    Deviation.PAYLOAD_NULL: lazy_gettext("No payload"),
    Deviation.MEMBER_MISSING: lazy_gettext("A member is missing"),
    Deviation.MEMBER_NULL: "null",
    Deviation.MEMBER_MISSPELT: lazy_gettext("A name in other letters"),
    Deviation.MEMBER_UNEXPECTED: lazy_gettext("A member too many"),
    Deviation.LIST_EMPTY: lazy_gettext("Empty list"),
    Deviation.SINGLE_FOR_LIST: lazy_gettext("One thing, no list"),
    Deviation.NUMBER_FOR_TEXT: lazy_gettext("Number instead of text"),
    Deviation.TEXT_FOR_NUMBER: lazy_gettext("Text instead of number"),
    Deviation.FRACTION_FOR_WHOLE: lazy_gettext("Fraction instead of whole number"),
    Deviation.TEXT_FOR_TRUTH: lazy_gettext("Text instead of true or false"),
    Deviation.WRONG_TYPE: lazy_gettext("Wrong type"),
    Deviation.TEXT_EMPTY: lazy_gettext("Empty text"),
    Deviation.TEXT_TOO_LONG: lazy_gettext("Text too long"),
    Deviation.WORD_CASE: lazy_gettext("Word in other letters"),
    Deviation.WORD_UNKNOWN: lazy_gettext("Unknown word"),
    Deviation.VALUE_REFUSED: lazy_gettext("Value not allowed"),
    Deviation.DECIMAL_COMMA: lazy_gettext("Decimal comma"),
    Deviation.VALUE_NO_NUMBER: lazy_gettext("Value is no number"),
    Deviation.UNIT_MISSING: lazy_gettext("No unit"),
    Deviation.TIME_FORMAT: lazy_gettext("Odd form of time"),
    Deviation.TIME_UNREADABLE: lazy_gettext("Unreadable time"),
    Deviation.TIME_ZONE_MISSING: lazy_gettext("No time zone"),
    Deviation.CLOCK_WRONG: lazy_gettext("Wrong clock"),
    Deviation.ERROR_CODE_UNKNOWN: lazy_gettext("Unknown error code"),
    Deviation.ANSWER_LATE: lazy_gettext("Late answer"),
    Deviation.ANSWER_UNASKED: lazy_gettext("Answer to nothing"),
}
