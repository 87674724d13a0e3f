"""What the service logs: a JSON object a line, on standard error; never a secret, never a report's content.

One line for each decision. What repeats (a database that is away, for every request) is told ten times in ten
seconds and then counted. Nobody waits for a log: where its reader does not read, lines are dropped and counted.
What was decided is in the record; a log is not it.
"""

from __future__ import annotations

import json
import logging
import os
import queue
import threading
import time
import traceback
from datetime import UTC, datetime
from typing import Any, Final

LINES: Final = 10_000
"""Most lines that wait for whoever reads them."""
WINDOW_S: Final = 10.0
OFTEN: Final = 10
"""How often a warning or error is told in `WINDOW_S`."""
TEMPLATES: Final = 1_000
"""Most messages told apart."""
TRACE_CHARACTERS: Final = 8_192
FLUSH_S: Final = 1.0
LOGGERS: Final = ("gate", "uvicorn.error")
_STANDARD: Final = frozenset(vars(logging.makeLogRecord({}))) | {
    "message",
    "asctime",
    "taskName",
    "color_message",
}


class JsonLines(logging.Formatter):
    """A record as one line of JSON: no text of a record can begin another line."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, without its end."""
        told: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        told |= {name: value for name, value in vars(record).items() if name not in _STANDARD}
        if record.exc_info:
            trace = "".join(traceback.format_exception(*record.exc_info))
            told["traceback"] = trace[-TRACE_CHARACTERS:]
        # ASCII alone: no character of a name can do anything to a terminal.
        return json.dumps(told, default=str)


class SeldomRepeated(logging.Filter):
    """Lets a warning or error through `OFTEN` times in `WINDOW_S`, then says how many there were."""

    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()
        self._seen: dict[tuple[str, str], tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether it is told."""
        if record.levelno < logging.WARNING:
            return True
        key = (record.name, str(record.msg))
        with self._lock:
            began, count = self._seen.get(key, (record.created, 0))
            if record.created - began >= WINDOW_S:
                if count > OFTEN:
                    record.repeated = count - OFTEN
                began, count = record.created, 0
            if len(self._seen) > TEMPLATES:
                self._seen.clear()
            self._seen[key] = began, count + 1
            return count < OFTEN


class NeverWaiting(logging.Handler):
    """Hands lines to a thread that writes them to the descriptor `fd`; close it to have the last ones written."""

    def __init__(self, fd: int = 2) -> None:
        super().__init__()
        self.dropped = 0
        """Lines that nobody will read."""
        self._fd = fd
        self._told = 0
        self._lines: queue.Queue[bytes | None] = queue.Queue(LINES)
        self._thread = threading.Thread(target=self._write, name="log", daemon=True)
        self._thread.start()

    def emit(self, record: logging.LogRecord) -> None:
        """Hand the record over, or count it where too many wait."""
        try:
            self._lines.put_nowait(self.format(record).encode() + b"\n")
        except queue.Full:
            self.dropped += 1

    def close(self) -> None:
        """Wait a moment for what waits."""
        until = time.monotonic() + FLUSH_S
        while not self._lines.empty() and self._thread.is_alive() and time.monotonic() < until:
            self._thread.join(0.01)
        super().close()

    def _write(self) -> None:
        while (line := self._lines.get()) is not None:
            dropped, self._told = self.dropped - self._told, self.dropped
            if dropped:
                line = (
                    b'{"level": "warning", "message": "log lines were dropped", "lines": %d}\n' % dropped
                    + line
                )
            try:
                while line:
                    line = line[os.write(self._fd, line) :]
            except OSError:
                self.dropped += 1


def begun(fd: int = 2) -> NeverWaiting:
    """The handler of everything that is logged from now on; close it at the end."""
    handler = NeverWaiting(fd)
    handler.setFormatter(JsonLines())
    handler.addFilter(SeldomRepeated())
    for name in LOGGERS:
        logger = logging.getLogger(name)
        logger.handlers = [handler]
        logger.propagate = False
        logger.setLevel(logging.INFO if name == "gate" else logging.WARNING)
    return handler


def ended(handler: NeverWaiting) -> None:
    """Take the handler away again."""
    for name in LOGGERS:
        logging.getLogger(name).handlers = []
        logging.getLogger(name).propagate = True
    handler.close()
