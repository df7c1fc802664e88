"""The staff's pages: the list of referrals, the terms and the program's switch.

Addresses under the setting `admin_prefix`, and the endpoints of the blueprint `referrals_admin`:

- `/` (`index`): the list; `q` searches, `state` filters, `before` is the id to go on below
- `/settings` (`settings`): the terms; GET shows, POST previews or saves (`web.settings_form`)
- `/switch` (`switch`): POST with `program` = `on` or `off`
- `/versions` (`versions`), `/versions/<id>` (`version`): every version of the terms

What staff decide has modules of its own: `admin_queue`, `admin_actions`, `admin_client` and `admin_attribute`.
"""

from __future__ import annotations

from flask import Blueprint, request
from werkzeug.wrappers import Response

from ..adapters.state import State
from ..config import Settings
from ..services import staff
from . import admin_settings
from .admin_words import voice
from .forms import ReferralsForm
from .pages import for_staff, page

#: Nobody searches for more than that.
_LONGEST = 100


def make_blueprint(settings: Settings) -> Blueprint:
    """The blueprint `referrals_admin` of one app."""
    blueprint = Blueprint("referrals_admin", __name__, url_prefix=settings.admin_prefix)
    blueprint.add_url_rule("/", "index", index)
    blueprint.add_url_rule("/settings", "settings", admin_settings.settings, methods=["GET", "POST"])
    blueprint.add_url_rule("/switch", "switch", admin_settings.switch, methods=["POST"])
    blueprint.add_url_rule("/versions", "versions", admin_settings.versions)
    blueprint.add_url_rule("/versions/<int:version_id>", "version", admin_settings.version)
    return blueprint


@for_staff
def index(state: State, org: str) -> Response:
    """The list of referrals, newest first."""
    wanted = _wanted()
    connection = state.session().connection()
    found = staff.referrals(connection, org, wanted)
    shown = found[: staff.PAGE]
    return page(
        "referrals/admin/referrals.html",
        title="Referrals",
        admin=True,
        head=staff.head(connection, org),
        referrals=shown,
        older=shown[-1].id if len(found) > staff.PAGE else None,
        wanted=wanted,
        states=staff.STATES,
        many=staff.MANY,
        form=ReferralsForm(),
        voice=voice(state, org),
    )


def _wanted() -> staff.Wanted:
    """What the address asks for; nonsense in it is as if it were not there."""
    text = "".join(char for char in request.args.get("q", "") if char.isprintable()).strip()[:_LONGEST]
    state = request.args.get("state")
    before = request.args.get("before", type=int)
    return staff.Wanted(
        text=text,
        state=state if state in staff.STATES else None,
        before=before if before is not None and 0 < before < staff.NO_BOUND else None,
    )
