"""The table: each figure with its aim, product beside baseline."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from statistics import median

Sides = Mapping[str, list[dict[str, float]]]  # by side, one entry for each repetition

MOST_MS = 50  # until the first byte of a page


class Aim(Enum):
    """What an aim is about."""

    RATIO_AT_LEAST = "≥ {:g} × baseline"
    AT_MOST = "≤ {:g}"


@dataclass(frozen=True)
class Row:
    """One line: which figure of which measure, in what unit, and the aim if there is one."""

    measure: str
    figure: str
    title: str
    aim: Aim | None = None
    bound: float = 0.0


def _closed_loop(measure: str, title: str, ratio: float | None) -> list[Row]:
    return [
        Row(measure, "rate", f"{title}, messages/s", Aim.RATIO_AT_LEAST if ratio else None, ratio or 0.0),
        Row(measure, "p50_ms", f"{title}, p50, ms"),
        Row(measure, "p99_ms", f"{title}, p99, ms", Aim.AT_MOST, 300),
        Row(measure, "server_cpu_us", f"{title}, server's CPU, µs/message"),
        Row(measure, "load_cpu_us", f"{title}, load's CPU, µs/message"),
        Row(measure, "server_core_share", f"{title}, share of its core that the server used"),
        Row(measure, "server_queued_share", f"{title}, share of time it waited for its core"),
        Row(measure, "load_queued_share", f"{title}, share of time the load waited for its own"),
        Row(measure, "own_stall_ms", f"{title}, longest stall of the event loop, ms", Aim.AT_MOST, 50),
    ]


ROWS = [
    *_closed_loop("heartbeat", "Heartbeat", None),
    *_closed_loop("metervalues", "MeterValues × 10", 6),
    *_closed_loop("sessions", "Sessions", 10),
    Row("storm", "set_up_s", "All connected and booted, s", Aim.AT_MOST, 15),
    Row("storm", "own_stall_ms", "… longest stall of the event loop in its last 10 s, ms", Aim.AT_MOST, 50),
    Row("memory", "kib_per_charger", "Idle charger, KiB", Aim.AT_MOST, 45),
    Row("stall", "steady_max_ms", "Longest answer to a 5 ms probe, paced load, ms", Aim.AT_MOST, 50),
    Row("stall", "steady_own_late_max_ms", "… of which the probe itself was late, ms"),
    Row("stall", "full_max_ms", "Longest answer to a 5 ms probe, closed loop, ms"),
    Row("watched", "core_share", "1,000 watching browsers, share of a core", Aim.AT_MOST, 0.5),
    Row("watched", "kib_per_browser", "… KiB for each of them", Aim.AT_MOST, 25),
    Row(
        "watched", "events_of_a_region_per_s", "… most events of a topic in one of them, 1/s", Aim.AT_MOST, 1
    ),
    Row("watched", "events_per_s", "… events that they were sent, 1/s"),
    Row("watched", "alone_core_share", "… share of a core without them"),
    Row("remote", "p50_ms", "Remote start through the API, p50, ms", Aim.AT_MOST, 15),
    Row("remote", "p99_ms", "Remote start through the API, p99, ms"),
    Row("pages", "slowest_ms", "Slowest page, first byte, ms", Aim.AT_MOST, MOST_MS),
    Row("pages", "middle_ms", "… the middle one, ms"),
    Row("pages", "queries", "… most queries of a page", Aim.AT_MOST, 12),
    Row("pages", "pages", "… pages"),
]


def _middle(repetitions: list[dict[str, float]], figure: str) -> float | None:
    values = [repetition[figure] for repetition in repetitions if repetition.get(figure) is not None]
    return median(values) if values else None


def _number(value: float | None) -> str:
    if value is None:
        return "–"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def _verdict(row: Row, product: float | None, ratio: float | None) -> str:
    if row.aim is None:
        return ""
    if row.aim is Aim.AT_MOST:
        return "" if product is None else "met" if product <= row.bound else "MISSED"
    return "" if ratio is None else "met" if ratio >= row.bound else "MISSED"


def lines(results: Mapping[str, Sides]) -> list[tuple[str, ...]]:
    """Title, product, baseline, ratio, aim and verdict of every figure that was measured (medians)."""
    table: list[tuple[str, ...]] = []
    for row in ROWS:
        sides = results.get(row.measure, {})
        product = _middle(sides.get("product", []), row.figure)
        baseline = _middle(sides.get("baseline", []), row.figure)
        if product is None and baseline is None:
            continue
        ratio = product / baseline if product is not None and baseline else None
        aim = row.aim.value.format(row.bound) if row.aim else ""
        numbers = (_number(product), _number(baseline), _number(ratio))
        table.append((row.title, *numbers, aim, _verdict(row, product, ratio)))
    return table


def text(results: Mapping[str, Sides]) -> str:
    """The table in columns."""
    table = [("figure", "product", "baseline", "ratio", "aim", ""), *lines(results)]
    widths = [max(len(line[column]) for line in table) for column in range(6)]
    return "\n".join(
        f"{line[0]:<{widths[0]}}  {line[1]:>{widths[1]}}  {line[2]:>{widths[2]}}  {line[3]:>{widths[3]}}  "
        f"{line[4]:<{widths[4]}}  {line[5]}".rstrip()
        for line in table
    )


def pages(results: Mapping[str, Sides]) -> str:
    """Each page with its first byte in ms, that divided by the plainest page's, and its queries; the slowest first."""
    sides = results.get("pages", {})
    plain = _middle(sides.get("baseline", []), "slowest_ms")
    told = sides.get("product", [])
    names = {name.removeprefix("ms ") for figures in told for name in figures if name.startswith("ms ")}
    found = [(_middle(told, f"ms {x}") or 0.0, x, _middle(told, f"queries {x}")) for x in names]
    return "".join(
        f"\n{page:<64}{_number(ms):>8} ms {_number(plain and ms / plain):>7} × {_number(queries):>6} queries"
        + ("  SLOW" if ms > MOST_MS else "")
        for ms, page, queries in sorted(found, reverse=True)
    )


def notes(results: Mapping[str, Sides]) -> str:
    """What else to know of the table: stolen time."""
    found: dict[str, float] = {}
    for measure, sides in results.items():
        for side, repetitions in sides.items():
            for name, value in (item for repetition in repetitions for item in repetition.items()):
                if name == "machine_stolen_share":
                    key = f"{measure}, {side}: {name}"
                    found[key] = max(found.get(key, 0.0), value)
    worth = {name: value for name, value in found.items() if value > 0.02}
    return "".join(f"\n{name} {value:.3f}" for name, value in worth.items())


def missed(results: Mapping[str, Sides]) -> bool:
    """Whether an aim was measured and missed."""
    return any(line[5] == "MISSED" for line in lines(results))
