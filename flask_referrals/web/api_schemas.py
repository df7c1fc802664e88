"""The shapes of the JSON API, in JSON Schema: what is sent is checked against them, and what is answered is described.

A body's schema has closed properties and limits for every text and list; an answer may get more members later.
"""

from __future__ import annotations

from typing import Any

from ..domain.terms import KINDS
from ..services.invitations import LONGEST_MESSAGE
from ..services.portal import MOST_UNREAD, NEWS
from .inviting import AT_ONCE
from .portal_settings import CREDIT

Schema = dict[str, Any]
LARGEST_ID = 2**62 - 1


def _ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def _object(**properties: Schema) -> Schema:
    return {"type": "object", "properties": properties, "required": list(properties)}


def _body(*required: str, **properties: Schema) -> Schema:
    found: Schema = {"type": "object", "properties": properties, "additionalProperties": False}
    return found | ({"required": list(required)} if required else {})


def _list(items: Schema) -> Schema:
    return {"type": "array", "items": items}


def _or_null(schema: Schema) -> Schema:
    return {"anyOf": [schema, {"type": "null"}]}


def _one_of(*values: str) -> Schema:
    return {"type": "string", "enum": list(values)}


def _says(description: str, schema: Schema | None = None) -> Schema:
    return (schema or TEXT) | {"description": description}


TEXT: Schema = {"type": "string"}
FLAG: Schema = {"type": "boolean"}
COUNT: Schema = {"type": "integer", "minimum": 0}
ID: Schema = {"type": "integer", "minimum": 1, "maximum": LARGEST_ID}
TIME: Schema = {"type": "string", "format": "date-time", "description": "In UTC."}
MONEY = _ref("Money")
BALANCES = _list(_object(available=MONEY, held=MONEY))
OLDER = _or_null(ID) | {"description": "Where there are earlier ones: the `before` that asks for them."}
#: A text of one line, and one of several.
_LINE = r"^[^\x00-\x1f\x7f-\x9f]*$"
_LINES = r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]*$"
_PATH = r"^/(?![/\\])[^\x00-\x1f\x7f-\x9f]*$"
_PRINTED = "a text of characters that can be printed."


def _line(longest: int) -> Schema:
    return {"type": "string", "minLength": 1, "maxLength": longest, "pattern": _LINE, "description": _PRINTED}


_MESSAGE = {"type": "string", "minLength": 1, "maxLength": LONGEST_MESSAGE, "pattern": _LINES, "description": _PRINTED}
_BACK = {"type": "string", "maxLength": 500, "pattern": _PATH, "description": "a path of this site, such as `/app`."}
_NEWS = sorted(NEWS)

BODIES: dict[str, Schema] = {
    "Seen": _body("id", id=ID),
    "CodeChoice": _body("code", code=_line(100)),
    "NewInvitations": _body(
        "emails",
        emails={"type": "array", "items": _line(200), "minItems": 1, "maxItems": AT_ONCE},
        message=_MESSAGE,
    ),
    "PreferencesChange": _body(
        credit=_one_of(*CREDIT), mail={"type": "array", "items": _one_of(*_NEWS), "maxItems": len(_NEWS)}
    ),
    "KindChoice": _body("kind", kind=_one_of(*KINDS)),
    "Onboarding": _body(back=_BACK),
    "Nothing": _body(),
}

_CODE = _object(
    text=_says("As it is in the link."),
    shown=_says("As it is shown and read out."),
    active=_says("False once it was switched off.", FLAG),
)
_SHARING = _object(
    link=TEXT,
    subject=TEXT,
    message=_says("The draft, with the link in it."),
    qr_code=_says("The link as an SVG."),
    ways=_list(
        _object(
            name=TEXT,
            label=TEXT,
            url=_says("Its address with the draft."),
            begin=_says("What a message of one's own is put behind, percent-encoded; empty where it takes none."),
            web=_says("Whether it is a website, and no app.", FLAG),
        )
    ),
)
_CLOSED = _or_null(_object(code=_one_of("program_off", "code_inactive"), detail=TEXT))
_PROMISED = _object(you=TEXT, they=TEXT)
_BANK = _object(
    state=_one_of("new", "onboarding", "ready", "restricted", "closed"), word=TEXT, detail=TEXT, needs=_list(TEXT)
)

ANSWERS: dict[str, Schema] = {
    "Money": _object(
        amount={"type": "string", "pattern": r"^-?[0-9]+(\.[0-9]+)?$", "description": "Exact, as a decimal."},
        currency={"type": "string", "pattern": "^[A-Z]{3}$"},
        text=_says("As the client reads it."),
    ),
    "Summary": _object(
        org_name=TEXT,
        deal=_or_null(_PROMISED) | {"description": "What both sides get; null while the program is off."},
        closed=_CLOSED | {"description": "Why there is nothing to share; null while there is."},
        code=_or_null(_CODE),
        sharing=_or_null(_SHARING),
        balances=BALANCES,
        counts=_object(visits=COUNT, referred=COUNT, qualified=COUNT),
        unread=COUNT | {"maximum": MOST_UNREAD, "description": f"{MOST_UNREAD} stands for that many or more."},
        open=_list(_one_of("invite", "choose_code", "read_news", "cash", "link_account"))
        | {"description": "What is open to do; `link_account` where a reward waits for an account."},
        csrf=_object(header=TEXT, field=TEXT, token=TEXT),
    ),
    "Referrals": _object(
        referrals=_list(
            _object(
                id=ID,
                name=_says("First name and last initial."),
                state=_one_of("pending", "qualified", "expired", "rejected"),
                reward_state=_or_null(_one_of("pending", "issued", "cancelled", "reversed")),
                word=TEXT,
                detail=TEXT,
                amount=_or_null(MONEY),
                service=_or_null(TEXT),
                undone=_says("Whether the reward shown is not there any more.", FLAG),
                at=TIME,
                promised=_PROMISED,
            )
        ),
        older=OLDER,
    ),
    "Credit": _object(
        balances=BALANCES,
        entries=_list(_object(id=ID, reason=TEXT, text=TEXT, amount=MONEY, balance=MONEY, at=TIME)),
        complete=_says("Whether these are all.", FLAG),
    ),
    "Reward": _object(
        id=ID,
        referral_id=ID,
        name=_says("The other side, by first name and last initial."),
        side=_one_of("referrer", "referee"),
        what=TEXT,
        amount=_or_null(MONEY),
        service=_or_null(TEXT),
        voucher=_or_null(_one_of("open", "used", "cancelled")),
        code=_says("Why it stands so, such as `issued`, `reduced`, `waits_hold`, `reversed_refunded`."),
        detail=_says("That in a sentence."),
        made_at=TIME,
        expires_at=_or_null(TIME),
    ),
    "Rewards": _object(rewards=_list(_ref("Reward")), older=OLDER),
    "Why": _object(
        referral_id=ID,
        name=_says("The other side, by first name and last initial."),
        mine=_says("Whether this client recommended.", FLAG),
        code=_says("Why it stands so, such as `waits_for_payment`, `below_minimum`, `qualified`."),
        detail=TEXT,
        rewards=_list(_ref("Reward")),
        promised=_object(you=_list(TEXT), they=TEXT),
        since=TIME,
    ),
    "News": _object(news=_list(_object(id=ID, kind=_one_of(*_NEWS), text=TEXT, at=TIME, new=FLAG))),
    "Unread": _object(unread=COUNT),
    "Code": _object(code=_CODE),
    "Invitations": _object(
        sent_by=_one_of("own", "sent") | {"description": "The client's own mail app, or we."},
        closed=_CLOSED,
        draft=_or_null(_object(link=TEXT, subject=TEXT, message=TEXT)),
        invited=_list(_object(address=_says("Masked."), at=TIME, joined=FLAG)),
    ),
    "Invited": _object(
        invited=_list(_object(email=TEXT, mailto=_or_null(TEXT))),
        together=_or_null(TEXT) | {"description": "One draft to all, in blind copy."},
        refused=_list(_object(email=TEXT, code=TEXT, detail=TEXT)),
    ),
    "Preferences": _object(
        credit=_one_of(*CREDIT),
        by_itself=_says("Whether `org` uses credit by itself.", FLAG),
        mail=_or_null(_list(_object(kind=_one_of(*_NEWS), label=TEXT, wanted=FLAG))),
        email=_or_null(TEXT),
    ),
    "Cash": _object(
        offered=FLAG,
        onboards=_says("Whether the client links an account with the payment service.", FLAG),
        account=_or_null(_BANK),
        choice=_says("Whether there is anything to choose.", FLAG),
        kind=_one_of(*KINDS),
        waiting=_list(_object(amount=MONEY, waits_for=TEXT, detail=TEXT)),
        payouts=_list(
            _object(id=ID, amount=MONEY, state=TEXT, word=TEXT, detail=TEXT, at=TIME, taken_back=_or_null(MONEY))
        ),
        owed=_list(MONEY),
    ),
    "Address": _object(url=TEXT),
    "Checked": _object(ok=FLAG, code=_or_null(TEXT), detail=_says("What to say at the field; empty if all is well.")),
    "Description": {"type": "object", "required": ["openapi", "info", "paths"]},
    "Problem": _object(
        type=TEXT,
        title=TEXT,
        status={"type": "integer", "minimum": 400, "maximum": 599},
        code=_says("The reason, for programs."),
        detail=_says("The reason, for people."),
    ),
}
ANSWERS["Problem"]["properties"] |= {
    "fields": {"type": "object", "additionalProperties": TEXT, "description": "What is wrong with each field."},
    "login": _says("Where to log in."),
    "refused": ANSWERS["Invited"]["properties"]["refused"],
}
