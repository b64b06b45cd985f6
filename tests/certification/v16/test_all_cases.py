"""The list of cases: none is missing, none is played twice."""

from __future__ import annotations

from tools import conformance

CASES = """
001 003 004_1 004_2 005_1 007 010 011_1 011_2 012 013 014 017_1 017_2 018_1 019_1 019_2 021 023_1 023_2 023_3 024 026
028 030 031 032_1 037_1 037_3 039 040_1 040_2 061 064
042_1 042_2 043_1 043_3 043_4 043_5
044_1 044_2 044_3 045_1 045_2
046 047 048_1 048_2 048_3 048_4 049 051 052 053
054 055
056 057 059 066 067
073 074 075_1 075_2 076 077 078 079 080 081 083 085 086 087 088
"""


def test_every_case_for_central_systems_is_played_once() -> None:
    assert [case for case, _, _ in conformance.cases()] == sorted(f"TC_{x}_CSMS" for x in CASES.split())


def test_every_case_says_what_it_shows_and_cites_a_clause() -> None:
    for case, words, _ in conformance.cases():
        assert any(source in words for source in ("1.6 §", "Whitepaper ")), case
