"""When a version of a tariff is in force, whom it is for, and in what words: fields of both forms."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from flask_babel import lazy_gettext

from csms.domain.base import Invalid
from csms.domain.tariffs import About, TariffType, TariffVersion
from csms.web import languages

TYPES = {
    "": lazy_gettext("Not told"),
    TariffType.REGULAR: lazy_gettext("Drivers with a contract"),
    TariffType.AD_HOC_PAYMENT: lazy_gettext("Drivers without one"),
    TariffType.PROFILE_CHEAP: lazy_gettext("Charging cheaply"),
    TariffType.PROFILE_FAST: lazy_gettext("Charging fast"),
    TariffType.PROFILE_GREEN: lazy_gettext("Charging green power"),
}
LANGUAGE = "en"


def about_of(given: Mapping[str, str], zone: str, before: About | None = None) -> About:
    """What the fields say; words in other languages than the page's stay as they were `before`. Raises Invalid."""
    text = given.get("alt_text", "").strip()[:512]
    others = tuple(x for x in before.alt_text if x[0] != LANGUAGE) if before else ()
    kind = given.get("type", "")
    if kind not in TYPES:
        raise Invalid("Choose one of the list.", "type")
    return About(
        TariffType(kind) if kind else None,
        (((LANGUAGE, text),) if text else ()) + others,
        _moment(given, "starts_at", zone),
        _moment(given, "ends_at", zone),
    )


def given_of(about: About) -> dict[str, str]:
    """The fields as they stand. The times of the old version are not those of a new one."""
    return {"type": about.type or "", "alt_text": dict(about.alt_text).get(LANGUAGE, "")}


def words_of(version: TariffVersion | None) -> str | None:
    """What drivers are told of a tariff, in the page's language if there is that."""
    texts = dict(version.about.alt_text) if version else {}
    return texts.get(languages.current()) or texts.get(LANGUAGE) or next(iter(texts.values()), None)


def _moment(given: Mapping[str, str], name: str, zone: str) -> datetime | None:
    text = given.get(name, "").strip()
    if not text:
        return None
    try:
        return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise Invalid("Write a day and a time.", name) from error
