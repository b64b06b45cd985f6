"""Firmware and logs in words, and what forms about them say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from flask import Flask
from flask_babel import gettext, lazy_gettext

from csms import files
from csms.domain.base import Invalid
from csms.domain.maintenance import Addresses, Job, JobKind, JobState, Wanted, is_downgrade
from csms.sentences import gettext_noop
from csms.web.languages import stored
from csms.web.shell import zone

KINDS = {
    JobKind.DIAGNOSTICS: lazy_gettext("Diagnostics"),
    JobKind.DIAGNOSTICS_LOG: lazy_gettext("Diagnostics log"),
    JobKind.SECURITY_LOG: lazy_gettext("Security log"),
    JobKind.FIRMWARE: lazy_gettext("Firmware"),
    JobKind.SIGNED_FIRMWARE: lazy_gettext("Signed firmware"),
}
LOGS = (
    (JobKind.DIAGNOSTICS.value, lazy_gettext("Diagnostics")),
    (JobKind.DIAGNOSTICS_LOG.value, lazy_gettext("Diagnostics (chargers with the security extension)")),
    (JobKind.SECURITY_LOG.value, lazy_gettext("Security log")),
)
# The charger's words for people: the specification's own are shown beside them.
WORDS = {
    "Downloading": gettext_noop("Downloading"),
    "Downloaded": gettext_noop("Downloaded"),
    "DownloadScheduled": gettext_noop("Will download later"),
    "DownloadPaused": gettext_noop("Download paused"),
    "DownloadFailed": gettext_noop("Download failed"),
    "SignatureVerified": gettext_noop("Signature verified"),
    "InvalidSignature": gettext_noop("Signature is not valid"),
    "Installing": gettext_noop("Installing"),
    "InstallScheduled": gettext_noop("Will install later"),
    "InstallRebooting": gettext_noop("Restarting to install"),
    "InstallationFailed": gettext_noop("Installation failed"),
    "InstallVerificationFailed": gettext_noop("File is damaged"),
    "Installed": gettext_noop("Installed, waiting for a boot with it"),
    "Uploading": gettext_noop("Uploading"),
    "Uploaded": gettext_noop("Uploaded, waiting for the file"),
    "UploadFailed": gettext_noop("Upload failed"),
    "UploadFailure": gettext_noop("Upload failed"),
    "BadMessage": gettext_noop("Upload failed: bad message"),
    "PermissionDenied": gettext_noop("Upload failed: permission denied"),
    "NotSupportedOperation": gettext_noop("Upload failed: not supported there"),
}
# How far a download or an upload is, as a share, for the bar.
SHARES = {
    "Downloading": 0.25,
    "Downloaded": 0.5,
    "SignatureVerified": 0.55,
    "InstallScheduled": 0.55,
    "Installing": 0.7,
    "InstallRebooting": 0.8,
    "Installed": 0.9,
    "Uploading": 0.5,
    "Uploaded": 0.9,
}


@dataclass(frozen=True, slots=True)
class ToldJob:
    """A job in words. `raw`: the charger's own; `family` and `glyph` are those of _macros.html."""

    title: str
    words: str
    raw: str | None
    detail: str
    family: str
    glyph: str
    share: float | None
    is_downgrade: bool


def told_job(job: Job) -> ToldJob:
    """What became of a job so far."""
    title = str(KINDS[job.kind])
    if not job.kind.is_log and job.version_wanted:
        title += f" {job.version_wanted}"
    downgrade = not job.kind.is_log and is_downgrade(job.version_before, job.version_wanted)
    words, family, glyph = _fate(job)
    share = SHARES.get(job.word or "", 0.05) if job.is_open else None
    return ToldJob(title, words, _raw(job), stored(job.detail), family, glyph, share, downgrade)


def _fate(job: Job) -> tuple[str, str, str]:
    word = job.word or ""
    match job.state:
        case JobState.WAITING:
            return stored(job.detail) or gettext("Waits for its turn"), "out", "clock"
        case JobState.ORDERED:
            return gettext("Ordered"), "active", "loader-circle"
        case JobState.RUNNING:
            return _charger_says(word) or word or gettext("Under way"), "active", "loader-circle"
        case JobState.DONE:
            return gettext("Done"), "ready", "circle-check"
        case JobState.FAILED:
            return _charger_says(word) or gettext("Failed"), "fault", "circle-x"
    return gettext("Called off"), "out", "ban"


def _charger_says(word: str) -> str | None:
    return gettext(WORDS[word]) if word in WORDS else None


def _raw(job: Job) -> str | None:
    """The charger's own word, where nothing beside it says the same."""
    word = job.word or ""
    if job.state in (JobState.DONE, JobState.CANCELLED) or word in (job.detail or ""):
        return None
    is_told = job.state in (JobState.RUNNING, JobState.FAILED)
    same = WORDS.get(word, word if job.state is JobState.RUNNING else "").replace(" ", "").lower()
    return None if is_told and same == word.lower() else word


def addresses() -> Addresses:
    """Where chargers reach us, and for how long."""
    settings = files.settings()
    return Addresses(settings.public_base_url, settings.transfer_lifetime)


def wanted(given: Mapping[str, str]) -> Wanted:
    """What a form says with an order. Raises Invalid."""
    return Wanted(
        location=given.get("location", "").strip() or None,
        retries=_count(given, "retries", 100),
        retry_interval_s=_count(given, "retry_interval_s", 86_400),
        oldest_at=_moment(given, "oldest_at"),
        latest_at=_moment(given, "latest_at"),
        retrieve_at=_moment(given, "retrieve_at"),
        install_at=_moment(given, "install_at"),
        version=given.get("version", "").strip()[:50] or None,
        signing_certificate=given.get("signing_certificate", "").strip() or None,
        signature="".join(given.get("signature", "").split()) or None,
    )


def _count(given: Mapping[str, str], name: str, most: int) -> int | None:
    text = given.get(name, "").strip()
    if not text:
        return None
    if not (text.isascii() and text.isdigit()) or len(text) > 6 or int(text) > most:
        raise Invalid("Write a whole number up to %(most)s.", name, most=most)
    return int(text)


def _moment(given: Mapping[str, str], name: str) -> datetime | None:
    """A date and a time on the clocks of whoever has typed them."""
    text = given.get(name, "").strip()
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
        return moment.replace(tzinfo=moment.tzinfo or ZoneInfo(zone())).astimezone(UTC)
    except (ValueError, OverflowError):
        raise Invalid("Write a date and a time.", name) from None


def size(count: int | None) -> str:
    """Bytes for people: 1.4 MB."""
    if count is None:
        return "–"
    value, unit = float(count), "B"
    for unit in ("B", "kB", "MB", "GB"):
        if value < 1000 or unit == "GB":
            break
        value /= 1000
    return f"{value:.0f}\u00a0{unit}" if unit == "B" or value >= 100 else f"{value:.1f}\u00a0{unit}"


def register(app: Flask) -> None:
    """Let templates put jobs into words."""
    app.add_template_filter(told_job, "told_job")
    app.add_template_filter(size, "bytes")
