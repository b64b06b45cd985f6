"""Which messages of a version are there, and which way: read from its registry, never kept by hand."""

from collections.abc import Iterator
from dataclasses import dataclass

from csms import schemas
from csms.ocpp.dispatch import Actions

BOTH_WAYS = frozenset({"DataTransfer"})
# What is not there, by version and action, with the reason. Whoever adds it takes its line away.
NOT_THERE: dict[str, dict[str, str]] = {}


@dataclass(frozen=True, slots=True)
class Coverage:
    """One action: is it heard from chargers, is there an order for it; None where the specification has it not.

    `reason`: why it is not there.
    """

    action: str
    is_heard: bool | None
    is_ordered: bool | None
    reason: str | None

    @property
    def is_there(self) -> bool:
        return False not in (self.is_heard, self.is_ordered)


def coverage(actions: Actions) -> Iterator[Coverage]:
    """Every action that the schemas of a version have, by name."""
    reasons = NOT_THERE.get(actions.protocol, {})
    ordered = _ordered(actions)
    for action in sorted(schemas.actions(actions.protocol)):
        is_from_charger = action in schemas.FROM_CHARGERS
        yield Coverage(
            action,
            action in actions.verbs if is_from_charger or action in BOTH_WAYS else None,
            None if is_from_charger else action in ordered,
            reasons.get(action),
        )


def _ordered(actions: Actions) -> set[str]:
    """The actions that orders become: those that the functions which put them into words name."""
    named = {word for render in actions.renders.values() for word in render.__code__.co_consts}
    return named & schemas.actions(actions.protocol)


def table(actions: Actions) -> str:
    """The coverage of a version as a Markdown table."""
    rows = ["| Message | Heard from chargers | Sent to chargers |", "|---|---|---|"]
    for row in coverage(actions):
        words = {True: "yes", False: f"no: {row.reason}", None: ""}
        rows.append(f"| {row.action} | {words[row.is_heard]} | {words[row.is_ordered]} |")
    return "\n".join(rows) + "\n"
