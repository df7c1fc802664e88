"""The signals that a host fires, and the ones that we fire. The sender is always the Flask app.

Receivers take `**extra`: arguments are only ever added.
"""

from __future__ import annotations

from blinker import Namespace

namespace = Namespace()

client_registered = namespace.signal(
    "client-registered",
    doc="""The host has made a new client record (flushed, not yet committed in the joined mode).

    Arguments: `client`, the host's record; `code`, what the client typed, or None; `link` (optional), False to leave a
    referral link's cookie out of it, or such a cookie's value. Staff's own cookies are never looked at. A code that is
    refused is logged on the client's record and stops nothing (A6).
    """,
)
invoice_created = namespace.signal(
    "invoice-created",
    doc="""The host has made an invoice: our discount is put on it through `Host.apply_discount` (D1).

    Argument: `invoice`, the host's record. May be fired again for the same invoice (D3).
    """,
)
invoice_changed = namespace.signal(
    "invoice-changed", doc="An unpaid invoice was changed: its discount is worked out again. Argument: `invoice`."
)
invoice_paid = namespace.signal(
    "invoice-paid",
    doc="""An invoice was paid in full: credit on it is captured and a referral that it qualifies is rewarded (R1).

    Argument: `invoice`. May be fired again, and for every invoice: what has been done is not done twice (R4).
    """,
)
invoice_refunded = namespace.signal(
    "invoice-refunded",
    doc="""Money of a paid invoice went back, in part or in full, by a refund or a lost dispute (U1, U2).

    Arguments: `invoice`; `reason` (optional), such as `dispute`.
    """,
)
invoice_voided = namespace.signal("invoice-voided", doc="An invoice was cancelled, paid or not. Argument: `invoice`.")

referral_attributed = namespace.signal(
    "referral-attributed", doc="After the commit: a referral was made. Argument: `event`, an `events.Event`."
)
discount_applied = namespace.signal(
    "discount-applied", doc="After the commit: a discount was put on an invoice. Argument: `event`."
)
referral_qualified = namespace.signal(
    "referral-qualified", doc="After the commit: a referral has earned its reward. Argument: `event`."
)
reward_issued = namespace.signal(
    "reward-issued", doc="After the commit: a reward was given. Argument: `event`; its `client_id` is who got it."
)
reward_reversed = namespace.signal(
    "reward-reversed", doc="After the commit: a reward was taken back. Argument: `event`; its `client_id` lost it."
)
credit_changed = namespace.signal(
    "credit-changed", doc="After the commit: a client's spendable credit changed. Argument: `event`."
)
