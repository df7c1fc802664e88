"""`python -m example_app`: make the database, fill it, and serve it on this computer."""

from __future__ import annotations

import os
from pathlib import Path
from threading import Thread
from time import sleep
from typing import Any

from flask import Flask
from flask_migrate import upgrade

from flask_referrals.adapters import migrations

from . import create_app
from .cash import serve_standin
from .extensions import db
from .referrals import referrals
from .seed import is_empty, seed
from .tour import tour

#: Seconds between two runs of the demo's worker.
PAUSE = 5


def main() -> None:
    """Start the app, ready to try."""
    port = int(os.environ.get("PORT", "5000"))
    config: dict[str, Any] = {}
    if not os.environ.get("STRIPE_SECRET_KEY"):
        store = Path(__file__).resolve().parents[1] / "instance" / "standin"
        config["GATEWAY"] = serve_standin(store, 0, f"http://127.0.0.1:{port}")
    app = create_app(config)
    with app.app_context():
        upgrade()
        migrations.upgrade(db.engine)
        if is_empty():
            seed()
    with app.test_request_context(base_url=f"http://127.0.0.1:{port}"):
        print(tour(), flush=True)
    Thread(target=keep_working, args=(app,), daemon=True).start()
    app.run(host="127.0.0.1", port=port)


def keep_working(app: Flask) -> None:
    """What a cron does for an app in earnest, every few seconds."""
    while True:
        sleep(PAUSE)
        with app.app_context():
            try:
                referrals.work()
            except Exception:
                app.logger.exception("the demo's worker failed; it goes on")


if __name__ == "__main__":
    main()
