"""What an import has done, and what it has left out."""

from __future__ import annotations

import csv
import enum
from collections import Counter
from dataclasses import dataclass, field
from typing import TextIO

from csms.imports.records import KINDS, Ignored, LeftOut

SHOWN = 20  # rows that are told one by one; the file has them all


class Fate(enum.StrEnum):
    """What has become of a row: new here, taken over by an earlier import, or here already and left as it was."""

    MADE = "made"
    KNOWN = "known"
    MET = "met"


@dataclass
class Report:
    """Rows by their fate and kind, and what was left out."""

    counts: dict[Fate, Counter[str]] = field(default_factory=lambda: {fate: Counter() for fate in Fate})
    left_out: list[LeftOut] = field(default_factory=list)
    ignored: list[Ignored] = field(default_factory=list)

    @property
    def summary(self) -> str:
        """In one line, for the audit."""
        made = ", ".join(f"{count} {kind}s" for kind, count in self.counts[Fate.MADE].items())
        return f"new: {made or 'nothing'}; left out: {len(self.left_out)}"[:500]

    def lines(self) -> list[str]:
        """For a person who reads it in a terminal."""
        left = Counter(x.kind for x in self.left_out)
        told = [f"{'':18}{'new':>9}{'before':>9}{'here':>9}{'left out':>10}"]
        for kind in KINDS.values():
            made, known, met = (self.counts[fate][kind] for fate in Fate)
            out = left[kind]
            if made or known or met or out:
                told.append(f"{kind + 's':18}{made:>9}{known:>9}{met:>9}{out:>10}")
        told += [f"Left out: {x.kind} {x.key}: {x.reason}" for x in self._sorted()[:SHOWN]]
        if len(self.left_out) > SHOWN:
            told.append(f"… and {len(self.left_out) - SHOWN} more: --report FILE writes them all.")
        told += [f"Not taken over: {x.count} rows of {x.kind}: {x.reason}" for x in self.ignored]
        return told

    def write(self, file: TextIO) -> None:
        """All that was left out, as CSV."""
        rows = csv.writer(file)
        rows.writerow(["kind", "key", "reason"])
        rows.writerows([x.kind, x.key, x.reason] for x in self._sorted())
        rows.writerows([x.kind, f"{x.count} rows", x.reason] for x in self.ignored)

    def _sorted(self) -> list[LeftOut]:
        """By kind, in the order in which kinds are taken over."""
        order = {kind: number for number, kind in enumerate(KINDS.values())}
        return sorted(self.left_out, key=lambda x: order.get(x.kind, len(order)))
