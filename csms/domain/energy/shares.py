"""A limit for several places together, divided over them. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Place:
    """Where a car may charge: the most that it can draw, and the least with which a car charges at all, in W.

    `since`: when its session began, in s; None: nobody charges there.
    """

    number: int
    most_w: float
    least_w: float
    since: float | None = None


def share(limit_w: float, places: Sequence[Place]) -> dict[int, float]:
    """W by place, together never above `limit_w`, whoever charges: all the same, but none more than it can draw.

    Where that would be too little for anybody to charge, as many as can have their least, and the rest pause: who
    began first goes first, then those where nobody charges yet.
    """
    order = sorted(places, key=lambda x: (x.since is None, x.since or 0.0, x.number))
    served = list(order)
    while served and sum(x.least_w for x in served) > limit_w:
        served.pop()
    shares = {x.number: 0.0 for x in places}
    left, waiting = limit_w, sorted(served, key=lambda x: x.most_w)
    while waiting:
        equal = left / len(waiting)
        below = [x for x in waiting if x.least_w > equal]
        for one in below or waiting[:1]:
            given = one.least_w if below else min(equal, one.most_w)
            shares[one.number] = given
            left -= given
            waiting.remove(one)
    return shares
