"""`python -m example_app`: make the database, fill it, and serve it on this computer."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from flask_migrate import upgrade

from flask_referrals.adapters import migrations

from . import create_app
from .cash import serve_standin
from .extensions import db
from .seed import is_empty, seed
from .tour import tour


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
    app.run(host="127.0.0.1", port=port)


if __name__ == "__main__":
    main()
