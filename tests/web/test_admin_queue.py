"""Staff decide on the rewards that wait: for approval, or beyond a limit (R5, R8, L1, L2)."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from sqlalchemy import update

from flask_referrals.models import ReferralRow
from tests.databases import fresh_database
from tests.minihost import ClientRow, db
from tests.web.admin_host import Office, open_office, statements


@pytest.fixture
def office(database_url: str) -> Iterator[Office]:
    """An office whose terms want an approval of every reward."""
    with open_office(database_url) as found:
        found.save_terms(approval="all", referee_reward=None)
        yield found


def refer(office: Office, *names: str, referrer: ClientRow | None = None) -> list[ClientRow]:
    """Clients who came by Jane and have paid their first invoice; Jane is the first of the list."""
    jane = referrer or office.new_client("Jane Smith")
    code = office.code_of(jane)
    came = [office.new_client(name, code=code) for name in names]
    for one in came:
        office.pay(office.new_invoice(one))
    return [jane, *came]


def boxes(page: str) -> list[str]:
    return re.findall(r'name="reward" value="(\d+)"', page)


def ticked(page: str) -> list[str]:
    return re.findall(r'name="reward" value="(\d+)" checked', page)


def reasons(page: str) -> list[str]:
    return re.findall(r'data-reason="(\w+)"', page)


def states(office: Office, client: ClientRow) -> list[tuple[str, str | None]]:
    return [(one.state, one.reason) for one in office.referrals.rewards(office.host.client(client))]


def decide(office: Office, action: str, *ids: int, reason: str = "known", wait: str = "approval") -> str:
    """Send the form of the queue; the page that answers."""
    response = office.post("/queue", wait=wait, reward=[str(one) for one in ids], reason=reason, action=action)
    if response.status_code == 303:
        response = office.browser.get(response.location)
    return response.text


def test_what_waits_for_approval_is_shown_with_its_flags(office: Office) -> None:
    """Who recommended whom, how much, for which invoice, and why a closer look is due, in words [R8] [L2]."""
    _, ann = refer(office, "Ann Ash")
    db.session.execute(update(ReferralRow).values(flags="disposable_email same_device"))
    db.session.commit()
    page = office.text("/queue")
    for part in (
        "$50.00",
        "Jane Smith",
        "INV-0001",
        "A throw-away email address",
        "Both on the same device",
        f'<a href="/admin/referrals/referrals/1">{ann.name}</a>',
        'href="/admin/referrals/clients/1"',
        'For approval <span class="rfa-count">1</span>',
    ):
        assert part in page, part
    assert boxes(page) == ["1"]


def test_several_are_approved_at_once_and_the_actor_is_on_the_log(office: Office) -> None:
    """Each is issued, with staff's name and reason on the client's log; the rest goes on waiting [R8] [G1]."""
    jane, *_ = refer(office, "Ann Ash", "Ben Birch", "Cy Cedar")
    page = decide(office, "approve", 1, 3, reason="known customers")
    assert "2 rewards approved." in page
    assert boxes(page) == ["2"]
    assert [state for state, _ in states(office, jane)] == ["issued", "pending", "issued"]
    assert office.referrals.balance(office.host.client(jane), "USD").available.minor == 10000
    log = office.text(f"/clients/{jane.id}")
    assert "A reward of Jane Smith was approved" in log
    assert "Note: known customers" in log
    assert "By Olivia" in log


def test_a_refused_reward_is_cancelled(office: Office) -> None:
    """It is cancelled by staff's reason, and the referral stands [R8]."""
    jane, ann = refer(office, "Ann Ash")
    assert "1 reward refused." in decide(office, "refuse", 1, reason="same household")
    assert states(office, jane) == [("cancelled", "refused_by_staff")]
    found = office.referrals.referral_of(office.host.client(ann))
    assert found is not None
    assert found.state == "qualified"
    assert "same household" in office.text("/referrals/1")


def test_without_a_reason_or_a_tick_nothing_is_decided_and_the_selection_stays(office: Office) -> None:
    """The form comes back with what was ticked and typed, and says at each place what is missing."""
    jane, *_ = refer(office, "Ann Ash", "Ben Birch")
    page = decide(office, "approve", 2, reason="  ")
    assert reasons(page) == ["reason_missing"]
    assert ticked(page) == ["2"]
    page = decide(office, "approve", reason="<b>known</b>")
    assert reasons(page) == ["nothing_selected"]
    assert "&lt;b&gt;known&lt;/b&gt;</textarea>" in page
    assert reasons(decide(office, "release", 1)) == ["no_action"]
    assert reasons(decide(office, "nonsense", 1)) == ["no_action"]
    assert [state for state, _ in states(office, jane)] == ["pending", "pending"]


def test_what_somebody_else_decided_meanwhile_is_told(office: Office) -> None:
    """The page was open in two browsers: the second decision changes nothing and says so [R4]."""
    jane, *_ = refer(office, "Ann Ash", "Ben Birch")
    decide(office, "approve", 1)
    page = decide(office, "refuse", 1, 2)
    assert "1 reward refused." in page
    assert "One reward had been decided meanwhile" in page
    assert reasons(page) == ["already_decided"]
    assert [state for state, _ in states(office, jane)] == ["issued", "cancelled"]
    assert "2 rewards had been decided meanwhile" in decide(office, "approve", 1, 2)
    assert office.referrals.balance(office.host.client(jane), "USD").available.minor == 5000


def test_what_is_beyond_a_limit_is_released(office: Office) -> None:
    """It has a tab of its own, where it can be released before its period turns [L1]."""
    office.save_terms(approval="none", referee_reward=None, limits={"per_month": 1})
    jane, *_ = refer(office, "Ann Ash", "Ben Birch")
    assert boxes(office.text("/queue")) == []
    page = office.text("/queue", wait="limit")
    assert boxes(page) == ["2"]
    assert "Approve" not in re.sub(r"<nav.*?</nav>", "", page, flags=re.S)
    assert "1 reward released." in decide(office, "release", 2, wait="limit")
    assert [state for state, _ in states(office, jane)] == ["issued", "issued"]
    assert "was let past the limit" in office.text("/referrals/2")


def test_what_is_on_hold_is_shown_with_its_end_and_not_decided(office: Office) -> None:
    """It is issued by itself, so there is nothing to press [R5]."""
    office.save_terms(approval="none", referee_reward=None, hold_days=14)
    refer(office, "Ann Ash")
    page = office.text("/queue", wait="hold")
    assert "24 Jan 2026, 09:00" in page
    assert boxes(page) == []
    assert "<button" not in re.search(r'<div class="rf-page.*', page, re.S)[0]  # type: ignore[index]


def test_forty_five_are_paged_oldest_first(office: Office) -> None:
    """Three pages show each reward once, with at most three statements of ours each."""
    refer(office, *(f"Client {number:02}" for number in range(45)))
    found: list[str] = []
    after, pages = "0", 0
    while after:
        with statements() as sent:
            page = office.text("/queue", after=after)
        assert len(sent) <= 3
        found += boxes(page)
        pages += 1
        newer = re.search(r'rel="next" href="[^"]*after=(\d+)"', page)
        after = "" if newer is None else newer[1]
    assert pages == 3
    assert found == [str(number) for number in range(1, 46)]


def test_no_nonsense_breaks_the_queue(office: Office) -> None:
    """Whatever stands in the address or is sent as a number, the page answers."""
    jane, *_ = refer(office, "Ann Ash")
    told = {"decided": "approve", "count": "x", "late": "-3"}
    for query in ({"wait": "x"}, {"after": "-1"}, {"after": "9" * 40}, told):
        assert boxes(office.text("/queue", **query)) in (["1"], [])
    for value in ("x", "-1", "9" * 40, "²", ""):
        answer = office.post("/queue", wait="approval", reward=value, reason="x", action="approve")
        assert answer.status_code == 422
    many = [str(number) for number in range(1, 300)]
    assert office.post("/queue", reward=many, reason="x", action="approve").status_code == 400
    assert states(office, jane) == [("pending", None)]


def test_orgs_do_not_decide_for_each_other(office: Office) -> None:
    """Another org's rewards are neither shown nor decided, by their numbers or by their referral."""
    jane, *_ = refer(office, "Ann Ash")
    office.host.org = "other"
    office.save_terms("other")
    assert boxes(office.text("/queue")) == []
    assert "had been decided meanwhile" in decide(office, "approve", 1)
    for path in ("/referrals/1/decide", "/referrals/1/reject"):
        assert office.post(path, reward="1", reason="mine", action="approve").status_code == 404
    assert states(office, jane) == [("pending", None)]


def test_only_staff_with_the_token_decide(office: Office) -> None:
    """Nobody else gets through, and no form without its token does."""
    jane, *_ = refer(office, "Ann Ash")
    data = {"reward": "1", "reason": "x", "action": "approve"}
    paths = ["/queue", "/referrals/1/decide", "/referrals/1/reject", "/attribute"]
    paths += ["/adjust/1", "/block/1", "/code-off/1"]
    for path in paths:
        assert office.browser.post(f"/admin/referrals{path}", data=data).status_code == 400, path
    office.host.staff = False
    for path in paths:
        assert office.browser.post(f"/admin/referrals{path}", data=data).status_code == 302, path
    assert states(office, jane) == [("pending", None)]


def test_the_queue_walks_an_index() -> None:
    """No statement reads the table of rewards from end to end."""
    with fresh_database("sqlite") as url, open_office(url) as office:
        for wait in ("approval", "limit", "hold"):
            with statements() as sent:
                office.text("/queue", wait=wait)
            with db.engine.connect() as connection:
                plan = [
                    str(row[3])
                    for statement, parameters in sent
                    for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
                ]
            read = [line for line in plan if "referrals_reward" in line]
            assert read
            assert not [line for line in read if line.startswith("SCAN")], plan
