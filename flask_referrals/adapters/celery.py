"""The worker's steps as Celery tasks, for as many machines as there are (docs/howto/celery.md).

Nothing is locked in memory and nothing is in a message but the name of a step: every lock is in the database, so that
tasks may be lost, come twice, or run beside `flask referrals work` on a cron.
"""

from __future__ import annotations

from datetime import timedelta

from celery import Celery
from flask import Flask

from .state import get_state
from .worker import GROUPS, work

#: How often each group of steps runs, unless told otherwise.
EVERY = {"deliveries": timedelta(seconds=30), "maintenance": timedelta(minutes=5), "payouts": timedelta(minutes=5)}


def register(celery: Celery, app: Flask, *, schedule: bool = True) -> None:
    """Give the Celery app our tasks: `referrals.deliveries`, `referrals.maintenance` and `referrals.payouts`.

    With `schedule` they are put into its beat schedule, at the times of EVERY; entries of these names that are there
    already stay. A task that is lost with its worker is done by the next.
    """
    for name in GROUPS:
        _task(celery, app, name)
        if schedule:
            entry = {"task": f"referrals.{name}", "schedule": EVERY[name]}
            celery.conf.beat_schedule = {f"referrals-{name}": entry, **(celery.conf.beat_schedule or {})}


def _task(celery: Celery, app: Flask, name: str) -> None:
    def step() -> None:
        with app.app_context():
            work(get_state(), only=name)

    celery.task(step, name=f"referrals.{name}", acks_late=True, reject_on_worker_lost=True, ignore_result=True)


__all__ = ["EVERY", "register"]
