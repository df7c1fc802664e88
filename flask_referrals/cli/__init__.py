"""`flask referrals …`: each command is thin, and lives with its kin."""

from __future__ import annotations

from flask.cli import AppGroup

from .codes import codes
from .db import db
from .doctor import doctor
from .ledger import ledger
from .work import work

group = AppGroup("referrals", help="The client referral program.")
for command in (db, codes, ledger, work, doctor):
    group.add_command(command)

__all__ = ["group"]
