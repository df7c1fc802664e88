"""`flask referrals client export|erase`: a client's data, on each database (G3)."""

from __future__ import annotations

import json

from sqlalchemy import select

from flask_referrals.models import InvitationRow, ReferralRow
from tests.minihost import db
from tests.worlds import World


def run(world: World, *arguments: str) -> str:
    """The command's output."""
    result = world.app.test_cli_runner().invoke(args=["referrals", "client", *arguments])
    assert result.exit_code == 0, result.output
    return result.output


def test_export_and_erase(world: World) -> None:
    """All of one's own and nobody else's name goes out; after erasing, amounts and ids are all that is left."""
    world.terms(referee_reward={"amount": "5.00"})
    jane = world.client("Jane Smith")
    world.referrals.invite(world.value(jane), "friend@mail.example")
    kiera = world.client("Kiera Lopez", world.code(jane))
    world.pay(world.invoice(kiera, 10000))
    text = run(world, "export", str(jane.id))
    found = json.loads(text)
    assert [entry["amount"] for entry in found["ledger"]] == [5000]
    assert [row["amount_minor"] for row in found["rewards"]] == [5000]
    assert found["invitations"][0]["email"] == "friend@mail.example"
    assert "Kiera Lopez" not in text
    assert "attributed" in {row["kind"] for row in found["activity"]}
    run(world, "erase", str(jane.id), "--yes")
    row = db.session.scalars(select(ReferralRow)).one()
    assert (row.referrer_name, row.referee_name) == ("(erased)", "Kiera Lopez")
    assert db.session.scalars(select(InvitationRow)).all() == []
    assert not world.referrals.code(world.value(jane)).active
    assert world.credit(jane) == 5000
    run(world, "erase", str(kiera.id), "--yes")
    db.session.expire_all()
    row = db.session.scalars(select(ReferralRow)).one()
    assert (row.referee_name, row.email_key) == ("(erased)", None)


def test_erasing_is_asked_about(world: World) -> None:
    """Nothing goes by a slip."""
    jane = world.client("Jane Smith")
    result = world.app.test_cli_runner().invoke(args=["referrals", "client", "erase", str(jane.id)], input="n\n")
    assert result.exit_code == 1
    assert "client_erased" not in world.kinds(jane)
