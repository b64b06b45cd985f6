"""What every noun stands on."""

from datetime import UTC, datetime

import pytest
from sqlalchemy.dialects import sqlite

from csms.domain.base import UTCDateTime, iso

MOMENTS = [
    datetime(year, 2, 3, 4, 5, 6, microsecond, tzinfo=UTC)
    for year in (1, 1999, 9999)
    for microsecond in (0, 1, 999_999)
]


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_moment_is_written_as_isoformat_has_it(moment: datetime) -> None:
    assert iso(moment) == moment.isoformat()


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_moment_comes_back_from_sqlite_as_it_was(moment: datetime) -> None:
    dialect, column = sqlite.dialect(), UTCDateTime()
    write, read = column.bind_processor(dialect), column.result_processor(dialect, None)
    assert write is not None
    assert read is not None
    text = write(moment)
    assert text == moment.isoformat(" ", "microseconds")[:26]
    assert read(text) == moment
    assert read(text).tzinfo is UTC  # type: ignore[union-attr]
