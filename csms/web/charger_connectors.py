"""What a charger's connectors are: the words of their form, and what it says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from flask_babel import gettext, lazy_gettext
from sqlalchemy import select
from sqlalchemy.orm import Session

from csms.domain.base import Invalid, NotFound
from csms.domain.chargers import Connector, ConnectorFormat, ConnectorStandard, PowerType, editing
from csms.domain.chargers.editing import Plug
from csms.web.choices import Word, one_of
from csms.web.security import put_on_record

STANDARD_WORDS = {
    ConnectorStandard.IEC_62196_T2: lazy_gettext("Type 2"),
    ConnectorStandard.IEC_62196_T2_COMBO: "CCS 2",
    ConnectorStandard.IEC_62196_T1: lazy_gettext("Type 1"),
    ConnectorStandard.IEC_62196_T1_COMBO: "CCS 1",
    ConnectorStandard.CHADEMO: "CHAdeMO",
    ConnectorStandard.TESLA_S: "NACS",
    ConnectorStandard.GBT_AC: "GB/T AC",
    ConnectorStandard.GBT_DC: "GB/T DC",
    ConnectorStandard.DOMESTIC_F: "Schuko",
}
POWER_WORDS = {
    PowerType.AC_1_PHASE: lazy_gettext("AC, one phase"),
    PowerType.AC_2_PHASE: lazy_gettext("AC, two phases"),
    PowerType.AC_2_PHASE_SPLIT: lazy_gettext("AC, split phase"),
    PowerType.AC_3_PHASE: lazy_gettext("AC, three phases"),
    PowerType.DC: "DC",
}
FORMAT_WORDS = {ConnectorFormat.SOCKET: lazy_gettext("Socket"), ConnectorFormat.CABLE: lazy_gettext("Cable")}


def choices() -> dict[str, list[tuple[str, object]]]:
    """What the form of a connector offers; the usual standards first."""
    unsaid = ("", gettext("Not said"))
    others = sorted(set(ConnectorStandard) - set(STANDARD_WORDS))
    standards = [(x.value, f"{words} ({x.value})") for x, words in STANDARD_WORDS.items()]
    return {
        "standards": [unsaid, *standards, *((x.value, x.value.replace("_", " ")) for x in others)],
        "formats": [unsaid, *((x.value, words) for x, words in FORMAT_WORDS.items())],
        "power_types": [unsaid, *((x.value, words) for x, words in POWER_WORDS.items())],
    }


@dataclass(frozen=True, slots=True)
class Typed:
    """What somebody has typed of one connector, and what is wrong with it, by field."""

    evse: int
    given: Mapping[str, str]
    problems: Mapping[str, str]


def describe(session: Session, charger_id: int, evse: int, given: Mapping[str, str]) -> None:
    """Say what one connector is. Raises NotFound, and Invalid for what cannot be meant."""
    connector = of_charger(session, charger_id, evse)
    editing.describe(session, connector, _plug(given))
    put_on_record(session, "connector.changed", connector.charger.identity, f"connector {evse}")


def of_charger(session: Session, charger_id: int, evse: int) -> Connector:
    """Raises NotFound."""
    found = session.scalar(
        select(Connector).where(
            Connector.charger_id == charger_id, Connector.evse_number == evse, Connector.number == 1
        )
    )
    if found is None:
        raise NotFound("There is no such connector.")
    return found


def _plug(given: Mapping[str, str]) -> Plug:
    return Plug(
        type=given.get("type", "").strip() or None,
        standard=_word(ConnectorStandard, given.get("standard", ""), "standard"),
        format=_word(ConnectorFormat, given.get("format", ""), "format"),
        power_type=_word(PowerType, given.get("power_type", ""), "power_type"),
        max_power_w=_watts(given.get("max_power", "")),
    )


def _word(words: type[Word], given: str, field: str) -> Word | None:
    return one_of(words, given, field) if given else None


def _watts(text: str) -> int | None:
    """kW as somebody writes them, in W."""
    text = text.strip().replace(",", ".")
    if not text:
        return None
    try:
        kilowatts = Decimal(text)
        return int(kilowatts * 1000) if kilowatts.is_finite() and abs(kilowatts) < 100_000 else 0
    except InvalidOperation:
        raise Invalid("Write the power in kW, such as 22 or 7.4.", "max_power_w") from None
