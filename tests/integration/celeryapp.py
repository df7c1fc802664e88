"""The Celery app of a test's workers: `celery -A tests.integration.celeryapp worker`."""

from __future__ import annotations

import os

from celery import Celery

from flask_referrals.adapters.celery import register
from flask_referrals.adapters.stripe import StripeGateway
from tests.minihost import create_app

gateway = StripeGateway("sk_test_standin", api=os.environ["STANDIN_URL"], retries=0)
flask_app = create_app(os.environ["DATABASE_URL"], gateway=gateway, REFERRALS_DELIVERY="worker")
celery = Celery("tests", broker=os.environ["BROKER_URL"])
celery.conf.task_default_queue = os.environ["QUEUE"]
celery.conf.broker_transport_options = {"visibility_timeout": 5}
register(celery, flask_app)
