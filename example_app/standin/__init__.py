"""A stand-in for Stripe: an HTTP server on this computer, stateful and strict, that moves no money.

The genuine `stripe` library talks to it. It is what the tests ask for, and what the demo shows where no key is set.
"""

from __future__ import annotations

from .server import Standin

__all__ = ["Standin"]
