"""`python -m example_app`: make the database, fill it, and serve it on this computer."""

from __future__ import annotations

import os

from flask_migrate import upgrade

from . import create_app
from .seed import demo_logins, is_empty, seed


def main() -> None:
    """Start the app, ready to try."""
    app = create_app()
    port = int(os.environ.get("PORT", "5000"))
    with app.app_context():
        upgrade()
        if is_empty():
            seed()
    home = f"http://127.0.0.1:{port}/"
    print(f"\n{app.config['APP_NAME']} is at {home}\n")
    print(f"  staff    {home}staff/login")
    for slug, login in demo_logins().items():
        print(f"           {login['staff']}  {login['password']}")
        print(f"  clients  {home}{slug}/login")
        print(f"           {login['client']}  {login['password']}")
    print(flush=True)
    app.run(host="127.0.0.1", port=port)


if __name__ == "__main__":
    main()
