"""`flask referrals …`: each command is thin, and lives with its kin."""

from __future__ import annotations

from flask.cli import AppGroup

from .client import commands as client_commands
from .codes import commands as codes_commands
from .db import commands as db_commands
from .doctor import doctor_command
from .ledger import commands as ledger_commands
from .reconcile import command as reconcile_command
from .stripe import commands as stripe_commands
from .work import work_command

group = AppGroup("referrals", help="The client referral program.")
for command in (
    db_commands,
    codes_commands,
    ledger_commands,
    client_commands,
    stripe_commands,
    work_command,
    reconcile_command,
    doctor_command,
):
    group.add_command(command)

__all__ = ["group"]
