"""Every statement that the service sends, by whichever way: through SQLAlchemy, or handed to the driver."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import Engine

from service.kernel import direct


@contextmanager
def statements() -> Iterator[list[str]]:
    """Collect the statements of everything inside."""
    seen: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_more: Any) -> None:
        seen.append(statement)

    class Heard(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            seen.append(record.getMessage())

    heard, level = Heard(), direct.LOGGER.level
    event.listen(Engine, "before_cursor_execute", note)
    direct.LOGGER.addHandler(heard)
    direct.LOGGER.setLevel(logging.DEBUG)
    try:
        yield seen
    finally:
        direct.LOGGER.setLevel(level)
        direct.LOGGER.removeHandler(heard)
        event.remove(Engine, "before_cursor_execute", note)
