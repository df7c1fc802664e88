"""Signals of the service layer, and what they carry.

A signal is sent after the commit, with the sender None and the keyword `event`. Events carry ids only,
never model objects: whoever listens loads what he needs.
"""
from dataclasses import dataclass
from datetime import datetime
from typing import Optional
from uuid import UUID

from blinker import Namespace

_signals = Namespace()

user_registered = _signals.signal('user-registered')
order_placed = _signals.signal('order-placed')
order_paid = _signals.signal('order-paid')
order_refunded = _signals.signal('order-refunded')
order_canceled = _signals.signal('order-canceled')


@dataclass(frozen=True)
class _Event:
    occurred_at: datetime
    shop_slug: Optional[str]


@dataclass(frozen=True)
class UserRegistered(_Event):
    """shop_slug is the shop from which the person came to sign up, or None."""
    user_id: UUID


@dataclass(frozen=True)
class _OrderEvent(_Event):
    order_id: UUID
    buyer_id: UUID


@dataclass(frozen=True)
class OrderPlaced(_OrderEvent):
    pass


@dataclass(frozen=True)
class OrderPaid(_OrderEvent):
    payment_id: UUID


@dataclass(frozen=True)
class OrderRefunded(_OrderEvent):
    payment_id: UUID


@dataclass(frozen=True)
class OrderCanceled(_OrderEvent):
    pass
