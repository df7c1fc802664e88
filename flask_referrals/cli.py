"""`flask referrals …`."""

from __future__ import annotations

from flask.cli import AppGroup

group = AppGroup("referrals", help="The client referral program.")
