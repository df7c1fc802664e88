"""Writes what happens into the log of whichever app it happened in."""
from flask import current_app

from bazaar import signals


def log_event(sender, event):
    current_app.logger.info('%s', event)


def connect():
    # connecting twice (two apps in one process) is harmless
    for signal in (signals.user_registered, signals.order_placed, signals.order_paid,
                   signals.order_refunded, signals.order_canceled):
        signal.connect(log_event)
