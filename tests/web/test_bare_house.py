"""A host without Flask-Login, Flask-WTF and Flask-Babel, in a process that can import none of them (§3.7, §3.11)."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

SCRIPT = """
import importlib
import pkgutil
import sys

ABSENT = {"flask_login", "flask_wtf", "flask_babel"}


class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ABSENT:
            asked.append(name)
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


asked = []
sys.meta_path.insert(0, Absent())
import flask_referrals

for module in pkgutil.walk_packages(flask_referrals.__path__, "flask_referrals."):
    if not module.name.startswith("flask_referrals.migrations"):
        importlib.import_module(module.name)
assert asked == [], asked

from tests.web.houses import HOUSES, House, forms, hidden, prepared, sweep, visit

with prepared() as url:
    for house in (House(), HOUSES["strict"]):
        with visit(house, url) as home:
            if house.config:
                print(sweep(home))
            for person, page in (("client", "/portal/referrals/settings"), ("staff", "/admin/referrals/settings")):
                browser = home.browser(person)
                form = next(one for one in forms(browser.get(page).text) if "novalidate" not in one)
                action = page if person == "client" else "/admin/referrals/switch"
                print(browser.post(action, data=hidden(form) | {"credit": "no"}).status_code)
assert not ABSENT & {name.partition(".")[0] for name in sys.modules}
assert asked == [], asked
"""


def test_portal_and_admin_without_login_form_and_translation_libraries() -> None:
    """No module of ours asks for one of the three, and all pages and forms stand where the host answers for itself."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", SCRIPT],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    answers = done.stdout.split()
    assert int(answers.pop(2)) > 20
    assert answers == ["303"] * 4
