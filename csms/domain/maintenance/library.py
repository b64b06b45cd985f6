"""The library of firmware."""

import base64
import binascii
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import exists, or_, select
from sqlalchemy.orm import Session

from csms.domain.base import Invalid, NotFound, Refused
from csms.domain.chargers import Charger
from csms.domain.maintenance.models import (
    OPEN_STATES,
    FirmwareFile,
    Job,
    JobState,
    Rollout,
    RolloutState,
)
from csms.domain.maintenance.rules import is_downgrade, order_of, safe_name

LONGEST_CERTIFICATE, LONGEST_SIGNATURE = 5500, 800  # whitepaper §6.7


@dataclass(frozen=True, slots=True)
class About:
    """What is said of a firmware. Vendor and model None: for any."""

    name: str
    version: str
    vendor: str | None = None
    model: str | None = None
    signing_certificate: str | None = None
    signature: str | None = None


def add(session: Session, about: About, *, by: str | None, at: datetime) -> FirmwareFile:
    """A firmware of which the content is still to come. Raises Invalid."""
    checked = _checked(about)
    firmware = FirmwareFile(uploaded_by=by, uploaded_at=at)
    _say(firmware, checked)
    session.add(firmware)
    session.flush()
    return firmware


def edit(session: Session, firmware: FirmwareFile, about: About) -> None:
    """Raises Invalid."""
    _say(firmware, _checked(about))
    session.flush()


def _say(firmware: FirmwareFile, about: About) -> None:
    firmware.name, firmware.version = about.name, about.version
    firmware.vendor, firmware.model = about.vendor, about.model
    firmware.signing_certificate, firmware.signature = about.signing_certificate, about.signature


def _checked(about: About) -> About:
    version = about.version.strip()
    if not 0 < len(version) <= 50 or not version.isprintable():
        raise Invalid("Write the version as the charger reports it, in at most 50 characters.", "version")
    for field, value in (("vendor", about.vendor), ("model", about.model)):
        if value and (len(value) > 50 or not value.isprintable()):
            raise Invalid("At most 50 printable characters.", field)
    certificate, signature = (about.signing_certificate or "").strip(), (about.signature or "").strip()
    if bool(certificate) != bool(signature):
        raise Invalid("A signature and its certificate go together: give both, or none.", "signature")
    if certificate:
        _check_signature(certificate, re.sub(r"\s", "", signature))
    return About(
        name=safe_name(about.name, f"firmware-{version}.bin"),
        version=version,
        vendor=(about.vendor or "").strip() or None,
        model=(about.model or "").strip() or None,
        signing_certificate=certificate or None,
        signature=re.sub(r"\s", "", signature) or None,
    )


def _check_signature(certificate: str, signature: str) -> None:
    if len(certificate) > LONGEST_CERTIFICATE or not re.search(
        r"-----BEGIN CERTIFICATE-----.+-----END CERTIFICATE-----", certificate, re.DOTALL
    ):
        raise Invalid(
            "Paste the manufacturer's certificate in PEM, at most %(longest)s characters.",
            "signing_certificate",
            longest=LONGEST_CERTIFICATE,
        )
    try:
        base64.b64decode(signature, validate=True)
    except binascii.Error:
        raise Invalid("Paste the signature in Base64.", "signature") from None
    if len(signature) > LONGEST_SIGNATURE:
        raise Invalid(
            "A signature has at most %(longest_signature)s characters.",
            "signature",
            longest_signature=LONGEST_SIGNATURE,
        )


def attach(
    session: Session, firmware: FirmwareFile, *, stored_as: str, size_bytes: int, sha256: str, at: datetime
) -> None:
    """The content has come. Raises Refused when there is one already: another content is another firmware."""
    if firmware.stored_as is not None:
        raise Refused("This firmware has its content already. Add another one for another file.")
    if not size_bytes:
        raise Invalid("The file is empty.", "file")
    firmware.stored_as, firmware.size_bytes, firmware.sha256 = stored_as, size_bytes, sha256
    firmware.uploaded_at = at
    session.flush()


def get(session: Session, firmware_id: int) -> FirmwareFile:
    """Raises NotFound."""
    firmware = session.get(FirmwareFile, firmware_id)
    if firmware is None or firmware.is_removed:
        raise NotFound("There is no such firmware.")
    return firmware


def remove(session: Session, firmware: FirmwareFile) -> None:
    """Take it out of the library; its content is deleted from disk. Raises Refused while a charger may need it."""
    is_fetched = exists().where(
        Job.firmware_id == firmware.id, Job.state.in_((*OPEN_STATES, JobState.WAITING))
    )
    is_rolled_out = exists().where(
        Rollout.firmware_id == firmware.id, Rollout.state.in_((RolloutState.RUNNING, RolloutState.PAUSED))
    )
    if session.scalar(select(or_(is_fetched, is_rolled_out))):
        raise Refused("Chargers are being updated to it: wait for them, or cancel the rollout.")
    firmware.is_removed, firmware.stored_as = True, None


def listed(session: Session) -> Sequence[FirmwareFile]:
    """The library, newest first."""
    query = select(FirmwareFile).where(~FirmwareFile.is_removed)
    return session.scalars(query.order_by(FirmwareFile.id.desc())).all()


def fits(firmware: FirmwareFile, charger: Charger) -> bool:
    """Whether it is made for chargers of this kind."""
    pairs = ((firmware.vendor, charger.vendor), (firmware.model, charger.model))
    return all(want is None or (has or "").casefold() == want.casefold() for want, has in pairs)


def for_charger(session: Session, charger: Charger) -> list[FirmwareFile]:
    """What can be installed there, newest first."""
    return [x for x in listed(session) if x.stored_as is not None and fits(x, charger)]


def newer(session: Session, charger: Charger) -> FirmwareFile | None:
    """The newest of what can be installed there, where the charger runs something older."""
    has = charger.firmware_version
    found = [x for x in for_charger(session, charger) if is_downgrade(x.version, has)] if has else []
    return max(found, key=lambda x: (order_of(x.version), x.id), default=None)
