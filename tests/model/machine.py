"""What may happen to a fleet, as rules that Hypothesis strings together; it finds the shortest story that fails."""

from __future__ import annotations

import itertools
from datetime import timedelta

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test
from sqlalchemy import Engine, create_engine
from sqlalchemy.orm import Session

from csms import clock, work
from csms.domain import transactions
from csms.domain.verify import verify
from tests.live import LiveServer
from tests.model.fleet import Charger, compare

SIZE = 3
SKEWS = tuple(timedelta(minutes=x) for x in (-30_000_000, -180, -10, 10, 600_000))
STATUSES = ("Available", "Preparing", "Charging", "SuspendedEV", "Finishing", "Faulted")
NO_GRACE, PATIENCE = timedelta(0), timedelta(hours=24)
STORY = 100  # steps
_stories = itertools.count(1)
which = st.integers(0, SIZE - 1)


class Fleet(RuleBasedStateMachine):
    """`server` and `engine` are set by whoever runs it; every story has chargers of its own."""

    server: LiveServer
    engine: Engine
    steps = 0

    @initialize(keeps_ids=st.lists(st.booleans(), min_size=SIZE, max_size=SIZE))
    def arrive(self, keeps_ids: list[bool]) -> None:
        story = next(_stories)
        self.chargers = [
            Charger(self.server, f"MODEL-{story}-{n}", keeps_id) for n, keeps_id in enumerate(keeps_ids)
        ]
        for charger in self.chargers:
            charger.reboot()

    @rule(who=which, tag=st.sampled_from(("04A2B39F", "04a2b39f", "UNKNOWN", "")))
    def begin(self, who: int, tag: str) -> None:
        self._at(who).begin(tag)

    # No charger gives more in the seven seconds between two moments: a register that moves faster is not believed.
    @rule(who=which, step_wh=st.integers(0, 2_900))
    def measure(self, who: int, step_wh: int) -> None:
        self._at(who).measure(step_wh)

    @rule(who=which)
    def end(self, who: int) -> None:
        self._at(who).end()

    @rule(who=which)
    def deliver(self, who: int) -> None:
        self._at(who).deliver()

    @rule(who=which)
    def drain(self, who: int) -> None:
        charger = self._at(who)
        while charger.queue:
            charger.deliver()

    @rule(who=which)
    def mumble(self, who: int) -> None:
        self._at(who).mumble()

    @rule(who=which, nth=st.integers(0, 50))
    def repeat(self, who: int, nth: int) -> None:
        self._at(who).repeat(nth)

    @rule(who=which, nth=st.integers(0, 50))
    def restate(self, who: int, nth: int) -> None:
        self._at(who).restate(nth)

    @rule(who=which)
    def reorder(self, who: int) -> None:
        self._at(who).reorder()

    @rule(who=which, status=st.sampled_from(STATUSES))
    def chat(self, who: int, status: str) -> None:
        self._at(who).chat(status)

    @rule(who=which)
    def forget(self, who: int) -> None:
        self._at(who).forget()

    @rule(who=which)
    def reboot(self, who: int) -> None:
        self._at(who).reboot()

    @rule(who=which)
    def cut(self, who: int) -> None:
        self._at(who).cut()

    @rule(who=which, skew=st.sampled_from(SKEWS))
    def skew(self, who: int, skew: timedelta) -> None:
        """Set a clock: to something odd, or right again."""
        charger = self._at(who)
        charger.skew = timedelta() if charger.skew else skew

    @rule()
    def mend(self) -> None:
        """Repair sessions at once by what was seen, right or wrong: what its charger says later must still win."""
        type(self).steps += 1
        with Session(self.engine) as session:
            session.connection(execution_options={"writes": True})
            transactions.mend(session, clock.now(), grace=NO_GRACE, silence=PATIENCE)
            session.commit()

    @rule(dice=st.integers(0, 2**16))
    def crash(self, dice: int) -> None:
        """kill -9; seldom, as a start takes its time, and not for 0, of which Hypothesis is fond."""
        type(self).steps += 1
        if dice % 11 == 3:
            self.server.kill()
            for charger in self.chargers:
                charger.cut()
            self.server.start()

    def teardown(self) -> None:
        for charger in getattr(self, "chargers", []):
            while charger.queue:
                charger.deliver()
            charger.cut()
        if hasattr(self, "chargers"):
            compare(self.engine, self.chargers)

    def _at(self, who: int) -> Charger:
        type(self).steps += 1
        return self.chargers[who]


def play(server: LiveServer, steps: int, number: int) -> int:
    """Play about so many steps; how many they were. Raises what a rule or the comparison raises."""
    engine = create_engine(server.database_url)
    work.tune(engine, is_native_thread=True)
    Fleet.server, Fleet.engine, Fleet.steps = server, engine, 0
    chosen = settings(
        max_examples=max(1, steps * 5 // (4 * STORY)),  # a story is seldom told to its end
        stateful_step_count=STORY,
        deadline=None,
        database=None,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
        print_blob=True,
    )
    try:
        run_state_machine_as_test(seed(number)(Fleet), settings=chosen)
        with Session(engine) as session:
            findings = verify(session)
        assert not findings, findings
        assert not server.faults(), server.faults()
    finally:
        engine.dispose()
    return Fleet.steps
