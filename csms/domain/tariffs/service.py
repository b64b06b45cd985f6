"""Tariffs: new ones, new versions, and where they count."""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import fields
from datetime import datetime

from sqlalchemy import ColumnElement, and_, exists, func, or_, select
from sqlalchemy.orm import Session, selectinload

from csms.domain.base import Invalid, NotFound, Refused, announce
from csms.domain.chargers import Admission, Charger
from csms.domain.tariffs.models import About, Tariff, TariffVersion
from csms.domain.tariffs.shape import Terms, as_json, check
from csms.sentences import told

RECENT = 50  # derived versions that are looked through for one with the same terms


def create(
    session: Session,
    name: str,
    terms: Terms,
    *,
    at: datetime,
    is_default: bool = False,
    about: About | None = None,
) -> Tariff:
    """A new tariff with its first version. A new default takes the place of the old one."""
    tariff = Tariff(name=name, is_default=False, created_at=at)
    session.add(tariff)
    revise(session, tariff, terms, at=at, about=about)
    if is_default:
        make_default(session, tariff)
    return tariff


def make_default(session: Session, tariff: Tariff) -> None:
    """From now on sessions begin with this one where a charger has no tariff of its own."""
    for other in session.scalars(select(Tariff).where(Tariff.is_default)):
        other.is_default = False
    tariff.is_default = True


def assign(session: Session, tariff: Tariff, charger_ids: Collection[int]) -> None:
    """These chargers, and no others, have this tariff of their own. Sessions that run keep their prices."""
    query = select(Charger).where(or_(Charger.tariff_id == tariff.id, Charger.id.in_(charger_ids)))
    for charger in session.scalars(query):
        chosen = tariff.id if charger.id in charger_ids else None
        if charger.tariff_id != chosen:
            charger.tariff_id = chosen
            announce(session, charger.link_topic, charger.topic)


def get(session: Session, tariff_id: int) -> Tariff:
    """Raises NotFound."""
    tariff = session.get(Tariff, tariff_id)
    if tariff is None or tariff.removed_at is not None:
        raise NotFound("There is no such tariff.")
    return tariff


def remove(session: Session, tariff: Tariff, *, at: datetime) -> None:
    """Let nobody choose it any more; sessions that began with it keep it. Raises Refused while it is in use."""
    if tariff.is_default:
        raise Refused("This is the default tariff: make another one the default first.")
    if session.scalar(select(Charger.id).where(Charger.tariff_id == tariff.id).limit(1)) is not None:
        raise Refused("Chargers have this tariff of their own: give them another one first.")
    tariff.removed_at = at


def revise(
    session: Session, tariff: Tariff, terms: Terms, *, at: datetime, about: About | None = None
) -> TariffVersion:
    """A new version of `tariff`; transactions that began before it keep theirs. Raises Invalid.

    Until it is in force, the newest one before it that is counts.
    """
    check(terms)
    about = about or About()
    if about.starts_at and about.ends_at and about.ends_at <= about.starts_at:
        raise Invalid("It ends before it begins.", "ends_at")
    given = {field.name: getattr(terms, field.name) for field in fields(terms)}
    version = TariffVersion(
        number=len(tariff.versions) + 1,
        created_at=at,
        type=about.type,
        alt_text=[list(x) for x in about.alt_text],
        starts_at=about.starts_at,
        ends_at=about.ends_at,
        **given | {"elements": as_json(terms.elements)},
    )
    tariff.versions.append(version)
    session.flush()
    return version


def applicable(
    session: Session, tariff_id: int | None, at: datetime, *, made_by: datetime | None = None
) -> TariffVersion | None:
    """The version that a session at a charger with this tariff begins with at this moment; None: it costs nothing.

    Where the charger's own tariff is not in force, the default one counts. `made_by`: as of that moment.
    """
    own = _chosen(session, tariff_id) if tariff_id else None
    version = own.in_force(at, made_by) if own else None
    if version is None and (default := _chosen(session, None)):
        version = default.in_force(at, made_by)
    return version


def _chosen(session: Session, tariff_id: int | None) -> Tariff | None:
    """A tariff, or the default one; read once in a unit of work."""
    found: dict[int | None, Tariff | None] = session.info.setdefault("tariffs", {})
    if tariff_id not in found:
        found[tariff_id] = (
            session.get(Tariff, tariff_id)
            if tariff_id
            else session.scalar(select(Tariff).where(Tariff.is_default))
        )
    return found[tariff_id]


def preload(session: Session, tariff_ids: Collection[int]) -> None:
    """Read these tariffs and the default one with their versions, for `applicable`: two queries."""
    known: dict[int | None, Tariff | None] = session.info.setdefault("tariffs", {})
    query = select(Tariff).where(or_(Tariff.is_default, Tariff.id.in_(tariff_ids)))
    known.setdefault(None, None)
    for tariff in session.scalars(query.options(selectinload(Tariff.versions))):
        known[tariff.id] = tariff
        if tariff.is_default:
            known[None] = tariff


def derived(session: Session, base: TariffVersion | None, terms: Terms, *, at: datetime) -> TariffVersion:
    """The version with these terms, made of a tariff (None: of none) and of what goes before its prices."""
    base_id = base.tariff_id if base else None
    mine = Tariff.base_id.is_(None) if base_id is None else Tariff.base_id == base_id
    tariff = session.scalar(select(Tariff).where(Tariff.is_derived, mine))
    if tariff is None:
        name = (
            told("%(tariff)s, as it holds here", tariff=base.tariff.name[:60])
            if base
            else told("Prices by slot")
        )
        tariff = Tariff(name=name, is_derived=True, base_id=base_id, created_at=at)
        session.add(tariff)
        return revise(session, tariff, terms, at=at)
    recent = select(TariffVersion).where(TariffVersion.tariff_id == tariff.id)
    for version in session.scalars(recent.order_by(TariffVersion.number.desc()).limit(RECENT)):
        if version.terms == terms:
            return version
    return revise(session, tariff, terms, at=at)


def version_of(session: Session, version_id: int | None) -> TariffVersion | None:
    """A version; None for none. It never changes, so it is read once in a unit of work."""
    found: dict[int | None, TariffVersion | None] = session.info.setdefault("versions", {None: None})
    if version_id not in found:
        found[version_id] = session.get(TariffVersion, version_id)
    return found[version_id]


def terms_of(session: Session, version_id: int | None) -> Terms | None:
    """What a version asks for; None for none."""
    found: dict[int | None, Terms | None] = session.info.setdefault("terms", {None: None})
    if version_id not in found:
        version = version_of(session, version_id)
        found[version_id] = version.terms if version else None
    return found[version_id]


def listed(session: Session) -> Sequence[Tariff]:
    """All tariffs that somebody has made, with their versions, by name."""
    query = select(Tariff).where(Tariff.is_derived.is_(False), Tariff.removed_at.is_(None))
    return session.scalars(query.order_by(Tariff.name).options(selectinload(Tariff.versions))).all()


def names_at(session: Session, site_id: int, *, at: datetime) -> list[tuple[str, int]]:
    """The tariffs by which a site's chargers bill now, and how many of them; "free" where none is in force."""
    chargers = (
        select(Charger.tariff_id, func.count())
        .where(Charger.site_id == site_id, Charger.admission != Admission.REJECTED)
        .group_by(Charger.tariff_id)
    )
    found: Counter[str] = Counter()
    for tariff_id, count in session.execute(chargers).all():
        version = applicable(session, tariff_id, at)
        found[version.tariff.name if version else "free"] += count
    return sorted(found.items())


def unpriced(at: datetime) -> ColumnElement[bool]:
    """On Charger: it has a tariff of its own or there is a default one, and none is in force: sessions cost nothing."""
    in_force = and_(
        or_(TariffVersion.starts_at.is_(None), TariffVersion.starts_at <= at),
        or_(TariffVersion.ends_at.is_(None), TariffVersion.ends_at > at),
    )
    own = exists().where(TariffVersion.tariff_id == Charger.tariff_id, in_force).correlate(Charger)
    default = exists().where(TariffVersion.tariff_id == Tariff.id, Tariff.is_default, in_force)
    has_prices = exists().where(Tariff.removed_at.is_(None), Tariff.is_derived.is_(False))
    return and_(has_prices, ~own, ~default)
