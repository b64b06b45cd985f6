"""What sessions brought is kept as registers, which triggers and a round keep up with the sessions themselves.

Revision: 0061
Revises: 0060
"""

import sqlalchemy as sa
from alembic import op

revision = "0061"
down_revision = "0060"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
SUMS = ("sessions", "charged", "energy_wh", "lasted_ms", "cents")
WATCHED = (
    "state", "ended_at", "started_at", "charger_id", "account_id", "tariff_version_id", "energy_wh", "cost_cents",
)  # fmt: skip
QUARTER = {  # since the year 0, so that none is negative
    "sqlite": "(CAST(strftime('%s', {0}.ended_at) AS INTEGER) + 62167219200) / 900",
    "postgresql": "CAST(floor((extract(epoch FROM {0}.ended_at) + 62167219200) / 900) AS BIGINT)",
}
LASTED_MS = {
    "sqlite": "CAST(round((julianday({0}.ended_at) - julianday({0}.started_at)) * 86400000.0) AS INTEGER)",
    "postgresql": "CAST(round(extract(epoch FROM ({0}.ended_at - {0}.started_at)) * 1000) AS BIGINT)",
}
COUNTS = "({0}.ended_at IS NOT NULL AND {0}.state NOT IN ('active', 'orphan'))"
INTO = (
    "INSERT INTO session_change (quarter, charger_id, account_id, is_simulated, currency, "
    "sessions, charged, energy_wh, lasted_ms, cents) "
)
TOTALS = ", ".join(f"sum(sum({x})) OVER before" for x in SUMS)
OF = {  # what a register is of: its key among the columns of what is counted
    "fleet": "0",
    "charger": "charger_id",
    "driver": "account_id",
}


def upgrade() -> None:
    op.create_table(
        "session_meter",
        sa.Column("id", BIG, nullable=False),
        sa.Column("kind", sa.String(8), nullable=False),
        sa.Column("key", sa.BigInteger(), nullable=False),
        sa.Column("is_simulated", sa.Boolean(), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_session_meter"),
        sa.UniqueConstraint(
            *("kind", "key", "is_simulated", "currency"),
            name="uq_session_meter_kind_key_is_simulated_currency",
        ),
    )
    op.create_index("ix_session_meter_key", "session_meter", ["key"])
    op.create_table(
        "session_register",
        sa.Column("meter_id", BIG, autoincrement=False, nullable=False),
        sa.Column("quarter", BIG, autoincrement=False, nullable=False),
        *_sums(),
        sa.ForeignKeyConstraint(
            ["meter_id"],
            ["session_meter.id"],
            name="fk_session_register_meter_id_session_meter",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("meter_id", "quarter", name="pk_session_register"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "session_change",
        sa.Column("id", BIG, nullable=False),
        sa.Column("quarter", sa.BigInteger(), nullable=False),
        sa.Column("charger_id", sa.BigInteger(), nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("is_simulated", sa.Boolean(), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        *_sums(),
        sa.PrimaryKeyConstraint("id", name="pk_session_change"),
    )
    failed_start = sa.text("kind = 'start' AND state IN ('rejected', 'error', 'timeout', 'expired')")
    op.create_index(
        "ix_command_failed_start",
        "command",
        ["requested_at", "charger_id"],
        sqlite_where=failed_start,
        postgresql_where=failed_start,
    )
    for statement in _watching():
        op.execute(statement)
    _fill()


def downgrade() -> None:
    for name, table in (
        ("session_begun", "transaction"),
        ("session_changed", "transaction"),
        ("session_gone", "transaction"),
        ("charger_simulated", "charger"),
    ):
        if op.get_bind().dialect.name == "sqlite":
            op.execute(f"DROP TRIGGER {name}")
        else:
            op.execute(f'DROP TRIGGER {name} ON "{table}"')
            op.execute(f"DROP FUNCTION {name}()")
    op.drop_index("ix_command_failed_start", "command")
    op.drop_table("session_change")
    op.drop_table("session_register")
    op.drop_table("session_meter")


def _sums() -> list[sa.Column[int]]:
    return [sa.Column(x, sa.BigInteger(), nullable=False) for x in SUMS]


def _change(row: str, sign: str, *, simulated: str | None = None, source: str = "") -> str:
    """Note what one session (or every one of `source`) brought, or, with a minus, brings no more."""
    engine = op.get_bind().dialect.name
    charger = f"(SELECT is_simulated FROM charger WHERE id = {row}.charger_id)"  # noqa: S608
    currency = f"(SELECT currency FROM tariff_version WHERE id = {row}.tariff_version_id)"  # noqa: S608
    lasted = f"CASE WHEN {row}.ended_at > {row}.started_at THEN {LASTED_MS[engine].format(row)} ELSE 0 END"
    columns = (
        QUARTER[engine].format(row),
        f"{row}.charger_id",
        f"coalesce({row}.account_id, 0)",
        simulated or charger,
        f"coalesce({currency}, '')",
        f"{sign}1",
        f"{sign}(CASE WHEN {row}.energy_wh > 0 THEN 1 ELSE 0 END)",
        f"{sign}coalesce({row}.energy_wh, 0)",
        f"{sign}({lasted})",
        f"{sign}coalesce({row}.cost_cents, 0)",
    )
    return f"{INTO}SELECT {', '.join(columns)}{source} WHERE {COUNTS.format(row)}"


def _watching() -> list[str]:
    """The triggers: whatever changes a session, in whatever way, leaves what that changes in the sums."""
    table = '"transaction"'
    theirs = ' FROM "transaction" AS t'
    flips = (
        _change("t", "-", simulated="OLD.is_simulated", source=theirs) + " AND t.charger_id = OLD.id",
        _change("t", "", simulated="NEW.is_simulated", source=theirs) + " AND t.charger_id = NEW.id",
    )
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    differs = "IS NOT" if is_sqlite else "IS DISTINCT FROM"
    matters = f"({COUNTS.format('OLD')} OR {COUNTS.format('NEW')}) AND (" + " OR ".join(
        f"OLD.{x} {differs} NEW.{x}" for x in WATCHED
    )
    triggers = (
        ("session_begun", "INSERT", table, COUNTS.format("NEW"), (_change("NEW", ""),)),
        (
            "session_changed",
            f"UPDATE OF {', '.join(WATCHED)}",
            table,
            matters + ")",
            (_change("OLD", "-"), _change("NEW", "")),
        ),
        ("session_gone", "DELETE", table, COUNTS.format("OLD"), (_change("OLD", "-"),)),
        (
            "charger_simulated",
            "UPDATE OF is_simulated",
            "charger",
            f"OLD.is_simulated {differs} NEW.is_simulated",
            flips,
        ),
    )
    found = []
    for name, event, of, when, statements in triggers:
        body = "; ".join(statements)
        if is_sqlite:
            found.append(
                f"CREATE TRIGGER {name} AFTER {event} ON {of} FOR EACH ROW WHEN {when} BEGIN {body}; END"
            )
        else:
            found.append(
                f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS "
                f"$$ BEGIN {body}; RETURN NULL; END $$"
            )
            found.append(
                f"CREATE TRIGGER {name} AFTER {event} ON {of} FOR EACH ROW WHEN ({when}) "
                f"EXECUTE FUNCTION {name}()"
            )
    return found


def _fill() -> None:
    """Registers of all the sessions that there are."""
    op.execute(_change("t", "", source=' FROM "transaction" AS t'))
    for kind, key in OF.items():
        op.execute(
            "INSERT INTO session_meter (kind, key, is_simulated, currency) "  # noqa: S608
            f"SELECT DISTINCT '{kind}', {key}, is_simulated, currency FROM session_change"
        )
        op.execute(
            "INSERT INTO session_register "  # noqa: S608
            f"SELECT m.id, c.quarter, {TOTALS} FROM session_change AS c JOIN session_meter AS m "
            f"ON m.kind = '{kind}' AND m.key = {key if key == '0' else f'c.{key}'} "
            "AND m.is_simulated = c.is_simulated AND m.currency = c.currency "
            "GROUP BY m.id, c.quarter WINDOW before AS (PARTITION BY m.id ORDER BY c.quarter)"
        )
    op.execute("DELETE FROM session_change")
