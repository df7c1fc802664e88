"""Our own declarative base, metadata and column types. Every constraint is named; every table starts `referrals_`."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import BigInteger, DateTime, Dialect, Integer, MetaData, String
from sqlalchemy.dialects import mysql
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.types import TypeDecorator, TypeEngine

from ..host import MAX_ID

metadata = MetaData()


class Base(DeclarativeBase):
    """Base of our tables, in a metadata of our own."""

    metadata = metadata


class UTCDateTime(TypeDecorator[datetime]):
    """A time in UTC with microseconds; refuses one without a zone, and returns one with the zone UTC."""

    impl = DateTime
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        if dialect.name in ("mysql", "mariadb"):
            return dialect.type_descriptor(mysql.DATETIME(fsp=6))
        return dialect.type_descriptor(DateTime(timezone=True))

    def bind_processor(self, dialect: Dialect) -> Callable[[datetime | None], Any] | None:
        """On SQLite, times are texts: one that was just made is the next one asked for, many times over."""
        made: Callable[[datetime | None], Any] | None = super().bind_processor(dialect)
        return lru_cache(maxsize=64)(made) if made is not None and dialect.name == "sqlite" else made

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value!r} has no time zone; use an aware datetime")
        value = value.astimezone(UTC)
        return value if dialect.name == "postgresql" else value.replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def _binary(length: int) -> String:
    """Text that is compared to the letter: MariaDB would take 'a' for 'A' and 'é' for 'e'."""
    return String(length).with_variant(
        mysql.VARCHAR(length, charset="utf8mb4", collation="utf8mb4_bin"), "mysql", "mariadb"
    )


#: An id of the host's, or of an org.
Ref = _binary(MAX_ID)
#: A key of our own: canonical codes, ledger keys.
Key = _binary(191)
#: One word of a closed list: states, kinds, reasons.
Word = String(40)
#: A name that people read.
Name = String(200)
#: An ISO 4217 code.
Currency = String(3)
#: Our own ids; SQLite grows them only for INTEGER.
Id = BigInteger().with_variant(Integer, "sqlite")
#: Minor units.
Minor = BigInteger()
