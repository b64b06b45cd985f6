"""Log lines: a constant event with fields beside it, as JSON or for a terminal. Never a card's number or a key."""

import json
import logging
import sys
from datetime import UTC, datetime

_OWN = set(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}


def fields_of(record: logging.LogRecord) -> dict[str, object]:
    """What stands beside the event."""
    return {name: value for name, value in record.__dict__.items() if name not in _OWN}


class JsonFormatter(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "event": record.getMessage(),
            "logger": record.name,
            **fields_of(record),
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


class ConsoleFormatter(logging.Formatter):
    """A line for people: time, level, event, fields. Control characters from chargers are made harmless."""

    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created, UTC).strftime("%H:%M:%S")
        fields = " ".join(f"{name}={value}" for name, value in fields_of(record).items())
        line = _harmless(f"{at} {record.levelname.lower():7} {record.getMessage()} {fields}".rstrip())
        return line + ("\n" + self.formatException(record.exc_info) if record.exc_info else "")


def _harmless(text: str) -> str:
    return "".join(x if x.isprintable() else f"\\x{ord(x):02x}" for x in text)


def configure(level: str, style: str) -> None:
    """Log to standard error. `style`: json or console."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter() if style == "json" else ConsoleFormatter())
    logging.basicConfig(level=level, handlers=[handler], force=True)
