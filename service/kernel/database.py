"""The database as the slices see it: one engine per office's login, and rows that the log vouches for."""

import hashlib
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time
from decimal import Decimal
from enum import Enum
from typing import Any, ClassVar, Final
from uuid import UUID

import msgspec
from sqlalchemy import (
    Boolean,
    Column,
    Computed,
    Date,
    DateTime,
    ForeignKeyConstraint,
    Integer,
    MetaData,
    Numeric,
    Text,
    Time,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, AsyncSessionTransaction
from sqlalchemy.orm import DeclarativeBase, Mapped, declared_attr, mapped_column

from policies.vocabulary import Office
from service.kernel.lines import SILENT_SECONDS, engine_for
from service.kernel.money import plain

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


CANONICAL: Final = msgspec.json.Encoder(order="sorted")
"""Writes what ``plain_value`` gives in the one spelling that the log has for it."""


class Base(DeclarativeBase):
    """Every table of the bank."""

    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        str: Text(),
        int: Integer(),
        bool: Boolean(),
        date: Date(),
        time: Time(),
        datetime: DateTime(timezone=True),
        Decimal: Numeric(),
        UUID: Uuid(),
        dict[str, Any]: JSONB(),
        list[Any]: JSONB(),
    }


class Recorded(Base):
    """A business row that exists only with an entry: (kind, id, rev) must be an effect of one at commit."""

    __abstract__ = True

    id: Mapped[UUID] = mapped_column(primary_key=True)
    rev: Mapped[int]

    @declared_attr.directive
    def __mapper_args__(cls) -> dict[str, Any]:  # noqa: N805 - SQLAlchemy passes the class
        return {"version_id_col": cls.__table__.c.rev, "exclude_properties": ["kind"]}

    def __init_subclass__(cls, **options: Any) -> None:
        if "__abstract__" not in cls.__dict__:
            own = cls.__dict__.get("__table_args__", ())
            kind = cls.__dict__["__tablename__"]
            cls.__table_args__ = (
                Column("kind", Text(), Computed(f"'{kind}'", persisted=True), nullable=False),
                ForeignKeyConstraint(
                    ["kind", "id", "rev"],
                    ["audit_effect.kind", "audit_effect.id", "audit_effect.rev"],
                    name=f"fk_{kind}_entry",
                ),
                *own,
            )
        super().__init_subclass__(**options)


class Moved(Base):
    """An insert-only movement that carries the id of the entry it came with, instead of a revision."""

    __abstract__ = True

    entry_id: Mapped[UUID]

    def __init_subclass__(cls, **options: Any) -> None:
        if "__abstract__" not in cls.__dict__:
            own = cls.__dict__.get("__table_args__", ())
            cls.__table_args__ = (
                ForeignKeyConstraint(
                    ["entry_id"],
                    ["audit_entry.id"],
                    name=f"fk_{cls.__dict__['__tablename__']}_entry",
                ),
                *own,
            )
        super().__init_subclass__(**options)


class NewRow:
    """A row about to be written with others of its kind in one statement; it reads like the mapped row it becomes."""

    __slots__ = ("_view", "model", "values")

    def __init__(self, model: type[Recorded | Moved], values: dict[str, Any]) -> None:
        self.model = model
        self.values = values
        self._view: dict[str, object] | None = None

    def __getattr__(self, name: str) -> Any:
        """Return a column's value, None where none is given."""
        if name in self.values:
            return self.values[name]
        if name in self.model.__mapper__.columns:
            return None
        raise AttributeError(name)

    def view(self) -> dict[str, object]:
        """Return what is given as the log writes it, without what is absent."""
        if self._view is None:
            self._view = {
                name: plain_value(value) for name, value in self.values.items() if value is not None
            }
        return self._view


def _same(value: object) -> object:
    return value


def _moment(value: datetime) -> str:
    return value.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


_PLAIN: Final[Mapping[type, Callable[[Any], object]]] = {
    str: _same,
    bool: _same,
    int: _same,
    Decimal: plain,
    UUID: str,
    datetime: _moment,
    date: date.isoformat,
}
"""The kinds of values that rows mostly have, each with how it is written."""


def plain_value(value: object) -> object:
    """Return ``value`` as the log writes it: strings, integers, booleans, lists and objects only.

    Amounts become decimal strings, times UTC with microseconds, absent values are left out by the caller.
    """
    written = _PLAIN.get(type(value))
    return _plain_value(value) if written is None else written(value)


def _plain_value(value: object) -> object:  # noqa: PLR0911 - one line per kind of value
    match value:
        case Enum():
            return plain_value(value.value)
        case bool() | str() | int():
            return value
        case Decimal():
            return plain(value)
        case UUID():
            return str(value)
        case datetime():
            return _moment(value)
        case date() | time():
            return value.isoformat()
        case bytes():
            return value.hex()
        case Mapping():
            return {str(key): plain_value(item) for key, item in value.items() if item is not None}
        case list() | tuple() | frozenset() | set():
            items = sorted(value) if isinstance(value, frozenset | set) else value
            return [plain_value(item) for item in items]
    message = f"{type(value).__name__} cannot stand in an entry"
    raise TypeError(message)


def plain_facts(facts: Mapping[str, object]) -> dict[str, Any]:
    """Return facts as answers show them: every name stands there, with null for what is absent."""
    return {name: None if value is None else plain_value(value) for name, value in facts.items()}


def kind_of(row: Recorded | NewRow) -> str:
    """Return what kind of row it is: the name of its table."""
    return str((row.model if isinstance(row, NewRow) else type(row)).__tablename__)


def row_view(row: Base | NewRow) -> dict[str, object]:
    """Return the row's mapped columns as the log writes them, without the absent ones."""
    if isinstance(row, NewRow):
        return row.view()
    columns = type(row).__mapper__.column_attrs
    return {
        attribute.key: plain_value(value)
        for attribute in columns
        if (value := getattr(row, attribute.key)) is not None
    }


def digest(view: Mapping[str, object]) -> str:
    """Return ``sha256:…`` of the canonical JSON of ``view``: what an entry says a row was after the act."""
    return "sha256:" + hashlib.sha256(CANONICAL.encode(view)).hexdigest()


class Offices:
    """One engine per office whose credential this process holds."""

    def __init__(
        self, urls: Mapping[Office, str], pool_size: int = 10, silent_seconds: float = SILENT_SECONDS
    ) -> None:
        self.engines: dict[Office, AsyncEngine] = {
            office: engine_for(url, pool_size, silent_seconds) for office, url in urls.items()
        }

    def __getitem__(self, office: Office) -> AsyncEngine:
        return self.engines[office]

    def __contains__(self, office: object) -> bool:
        return office in self.engines

    async def close(self) -> None:
        """Close every connection."""
        for engine in self.engines.values():
            await engine.dispose()


async def undo(session: AsyncSession, savepoint: AsyncSessionTransaction) -> None:
    """Roll back to a savepoint and leave it behind.

    PostgreSQL keeps a savepoint that was rolled back to: what follows would belong to it and not to the transaction,
    and its rows would not be told apart from those of another one.
    """
    connection = (await session.connection()).sync_connection
    nested = None if connection is None else connection.get_nested_transaction()
    assert nested is not None
    await savepoint.rollback()
    await session.execute(text(f"RELEASE SAVEPOINT {nested._savepoint}"))  # noqa: SLF001  # its name, told nowhere else
