"""Natural persons, the units they belonged to, their accounts, sessions and rights."""

from datetime import date, datetime
from typing import ClassVar
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from service.kernel.database import Moved, Recorded


class Person(Recorded):
    """One natural person, one identity for life. ``name`` never enters the log; a staff number is given once."""

    __tablename__ = "person"
    __private__: ClassVar[tuple[str, ...]] = ("name",)
    __frozen__: ClassVar[tuple[str, ...]] = ("staff_number",)

    name: Mapped[str]
    staff_number: Mapped[str | None] = mapped_column(unique=True)
    unit_id: Mapped[UUID] = mapped_column(ForeignKey("unit.id"))
    disabled: Mapped[bool] = mapped_column(default=False)


class Membership(Recorded):
    """To which unit a person belongs from a day on: never changed, only followed by the next."""

    __tablename__ = "membership"
    __frozen__: ClassVar[tuple[str, ...]] = ("person_id", "unit_id", "valid_from")
    __table_args__ = (Index(None, "person_id", "valid_from"), Index(None, "unit_id"))

    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"))
    unit_id: Mapped[UUID] = mapped_column(ForeignKey("unit.id"))
    valid_from: Mapped[date]


class Account(Recorded):
    """A login of one person in one office. Several accounts of a person count as one person.

    ``owner_id``: the natural person who answers for a service account and counts as the actor of what it does.
    """

    __tablename__ = "account"
    __frozen__: ClassVar[tuple[str, ...]] = ("name", "person_id", "office", "service")
    __private__: ClassVar[tuple[str, ...]] = ("name",)
    __table_args__ = (CheckConstraint("service = (owner_id IS NOT NULL)", name="service_is_owned"),)

    name: Mapped[str] = mapped_column(unique=True)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"), index=True)
    office: Mapped[str]
    service: Mapped[bool] = mapped_column(default=False)
    disabled: Mapped[bool] = mapped_column(default=False)
    owner_id: Mapped[UUID | None] = mapped_column(ForeignKey("person.id"), index=True)


class RoleGrant(Recorded):
    """A role for an account: requested, approved and executed by three people, none of them the beneficiary."""

    __tablename__ = "role_grant"
    __frozen__: ClassVar[tuple[str, ...]] = ("account_id", "role", "valid_from", "valid_until")
    __table_args__ = (
        CheckConstraint("valid_until > valid_from", name="valid_for_a_while"),
        Index(
            "uq_role_grant_open",
            "account_id",
            "role",
            unique=True,
            postgresql_where=text("state IN ('requested', 'approved', 'executed')"),
        ),
    )

    account_id: Mapped[UUID] = mapped_column(ForeignKey("account.id"), index=True)
    role: Mapped[str]
    state: Mapped[str]
    reason: Mapped[str]
    valid_from: Mapped[datetime | None]  # none: as soon as it is in force
    valid_until: Mapped[datetime | None]


class StaffEvent(Recorded):
    """What the personnel department reports of somebody: that they join, move, leave, or apply to a desk."""

    __tablename__ = "staff_event"
    __frozen__: ClassVar[tuple[str, ...]] = (
        "staff_number",
        "event",
        "person_id",
        "unit_id",
        "effective_on",
        "reported_at",
        "reported_by",
        "rights_ended",
    )
    __table_args__ = (
        CheckConstraint("event IN ('joiner', 'mover', 'leaver', 'applies', 'withdraws')", name="event_known"),
        CheckConstraint("(event = 'leaver') = (unit_id IS NULL)", name="event_whole"),
        Index(None, "staff_number", "event", "effective_on", "unit_id", unique=True),
        Index(None, "person_id"),
    )

    staff_number: Mapped[str]
    event: Mapped[str]
    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"))
    unit_id: Mapped[UUID | None] = mapped_column(ForeignKey("unit.id"))
    effective_on: Mapped[date]
    reported_at: Mapped[datetime]
    reported_by: Mapped[UUID] = mapped_column(ForeignKey("account.id"))
    rights_ended: Mapped[int]


class Session(Moved):
    """A signed-in account. Only the SHA-256 of its token is kept; rows are only ever updated to end.

    ``device``: the address of the machine it was opened at, good for nothing else (A-10); none: the service itself.
    """

    __tablename__ = "session"
    __mutable__: ClassVar[tuple[str, ...]] = ("last_seen_at", "ended_at", "ended_why")

    id: Mapped[UUID] = mapped_column(primary_key=True)
    account_id: Mapped[UUID] = mapped_column(ForeignKey("account.id"), index=True)
    token_sha256: Mapped[bytes] = mapped_column(unique=True)
    opened_at: Mapped[datetime]
    last_seen_at: Mapped[datetime]
    idle_seconds: Mapped[int]
    expires_at: Mapped[datetime]
    restricted: Mapped[bool]
    device: Mapped[str | None]
    ended_at: Mapped[datetime | None]
    ended_why: Mapped[str | None]


class Credential(Moved):
    """An account's argon2 hash, whether it is good for one use only, and the delay after failures."""

    __tablename__ = "credential"
    __mutable__: ClassVar[tuple[str, ...]] = ("secret", "one_time", "failures", "retry_at", "entry_id")

    account_id: Mapped[UUID] = mapped_column(ForeignKey("account.id"), primary_key=True)
    secret: Mapped[str]
    one_time: Mapped[bool]
    failures: Mapped[int]
    retry_at: Mapped[datetime | None]
