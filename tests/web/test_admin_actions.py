"""Staff reject, attribute, adjust, block and switch codes off, each on a page that says what came of it."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from flask_referrals import Client
from tests.minihost import ClientRow, db
from tests.web.admin_host import Office, open_office, statements
from tests.web.test_admin_queue import boxes, reasons


@pytest.fixture
def office(database_url: str) -> Iterator[Office]:
    """An office whose program is on."""
    with open_office(database_url) as found:
        found.save_terms(referee_reward=None)
        yield found


def jane_and_ann(office: Office) -> tuple[ClientRow, ClientRow]:
    """Jane recommended Ann, who has not paid yet."""
    jane = office.new_client("Jane Smith")
    return jane, office.new_client("Ann Ash", code=office.code_of(jane))


def send(office: Office, path: str, **fields: str) -> str:
    """Send a form; the page that answers, after the redirect if there is one."""
    response = office.post(path, **fields)
    assert response.status_code in (303, 422), response.text
    return (office.browser.get(response.location) if response.status_code == 303 else response).text


def credit(office: Office, client: ClientRow, currency: str = "USD") -> int:
    return office.referrals.balance(office.host.client(client), currency).available.minor


def state(office: Office, client: ClientRow) -> tuple[str, str] | None:
    found = office.referrals.referral_of(office.host.client(client))
    return None if found is None else (found.referrer_id, found.state)


def adjustment(office: Office, client: ClientRow, **fields: str) -> dict[str, str]:
    """The form as the client's page holds it, with what is typed."""
    found = re.search(r'name="key" value="([\w-]+)"', office.text(f"/clients/{client.id}"))
    assert found is not None
    return {"key": found[1], "currency": "USD", "amount": "5.00", "note": "for the trouble"} | fields


# -- a referral ------------------------------------------------------------------------------------------------------


def test_a_referral_is_rejected_and_what_it_earned_is_taken_back(office: Office) -> None:
    """The reward is reversed, the reason is on both logs with who did it, and the form is gone [U4] [G1]."""
    jane, ann = jane_and_ann(office)
    office.pay(office.new_invoice(ann))
    assert credit(office, jane) == 5000
    page = send(office, "/referrals/1/reject", reason="the same household")
    assert "The referral is rejected." in page
    assert "Note: the same household" in page
    assert "/referrals/1/reject" not in page
    assert (state(office, ann), credit(office, jane)) == (("1", "rejected"), 0)
    for client in (jane, ann):
        log = office.text(f"/clients/{client.id}")
        assert "The referral of Ann Ash by Jane Smith was rejected" in log
        assert "Note: the same household" in log
        assert "By Olivia" in log


def test_a_referral_is_rejected_with_a_reason_and_once(office: Office) -> None:
    """Without a reason nothing happens; a second time is told, not done [U4]."""
    _, ann = jane_and_ann(office)
    page = send(office, "/referrals/1/reject", reason=" ")
    assert reasons(page) == ["reason_missing"]
    assert state(office, ann) == ("1", "pending")
    send(office, "/referrals/1/reject", reason="wrong")
    assert reasons(send(office, "/referrals/1/reject", reason="wrong")) == ["already_rejected"]
    assert office.post("/referrals/77/reject", reason="wrong").status_code == 404


def test_a_referrals_waiting_reward_is_decided_on_its_page(office: Office) -> None:
    """The page holds the forms for what waits, and says what was done; late ones are told [R8]."""
    office.save_terms(approval="all", referee_reward=None)
    jane, ann = jane_and_ann(office)
    assert "Waits for a decision" not in office.text("/referrals/1")
    office.pay(office.new_invoice(ann))
    page = office.text("/referrals/1")
    assert "Waits for a decision" in page
    assert boxes(page) == ["1"]
    assert reasons(send(office, "/referrals/1/decide", reward="1", action="approve", reason="")) == ["reason_missing"]
    assert reasons(send(office, "/referrals/1/decide", action="approve", reason="x")) == ["nothing_waits"]
    page = send(office, "/referrals/1/decide", reward="1", action="approve", reason="known")
    assert "1 reward approved." in page
    assert boxes(page) == []
    assert credit(office, jane) == 5000
    page = send(office, "/referrals/1/decide", reward="1", action="refuse", reason="no")
    assert reasons(page) == ["already_decided"]
    assert credit(office, jane) == 5000


# -- by hand ---------------------------------------------------------------------------------------------------------


def test_a_referral_is_entered_by_hand(office: Office) -> None:
    """By id or by code; it is by staff, with the note on the log, and the discount follows [A8] [A9] [D1]."""
    jane, ann = office.new_client("Jane Smith"), office.new_client("Ann Ash")
    code = office.code_of(jane).lower()
    page = send(office, "/attribute", referee=str(ann.id), referrer=f"{code[:4]}-{code[4:]}", note="on the telephone")
    assert "Jane Smith recommended Ann Ash" in page
    assert "By staff" in page
    assert "on the telephone" in page
    assert state(office, ann) == (str(jane.id), "pending")
    assert office.new_invoice(ann, 10000).discount == 1500


def test_what_is_wrong_with_an_entry_stands_at_its_field(office: Office) -> None:
    """Each refusal has its code and a sentence for staff at the field it is about, and nothing is lost [A3] [A8]."""
    jane, ann = jane_and_ann(office)
    old = office.new_client("Olga Old")
    office.pay(office.new_invoice(old))

    def told(referee: object, referrer: object, note: str = "said so") -> list[tuple[str, str]]:
        page = send(office, "/attribute", referee=str(referee), referrer=str(referrer), note=note)
        assert f">{note}</textarea>" in page
        at_fields: list[tuple[str, str]] = re.findall(r'id="rfa-(\w+)-error" data-reason="(\w+)"', page)
        return at_fields or [("", reason) for reason in reasons(page)]

    assert told(ann.id, old.id) == [("referee", "already_referred")]
    assert told(old.id, jane.id) == [("referee", "existing_client")]
    assert told(jane.id, jane.id) == [("referrer", "self_referral")]
    assert told("", "nobody") == [("referee", "referee_missing"), ("referrer", "client_not_found")]
    assert told(jane.id, "9" * 90, note="") == [("referrer", "client_not_found"), ("note", "note_missing")]
    office.referrals.switch("default", on=False)
    db.session.commit()
    assert told(jane.id, ann.id) == [("", "program_off")]


def test_a_wrong_attribution_is_rejected_and_made_anew(office: Office) -> None:
    """The old referral is closed, not overwritten [A8]."""
    _, ann = jane_and_ann(office)
    mark = office.new_client("Mark Oak")
    send(office, "/referrals/1/reject", reason="it was Mark")
    assert "Mark Oak recommended Ann Ash" in send(
        office, "/attribute", referee=str(ann.id), referrer=str(mark.id), note="it was Mark"
    )
    assert state(office, ann) == (str(mark.id), "pending")
    assert "Jane Smith recommended Ann Ash" in office.text("/referrals/1")


def test_another_orgs_clients_cannot_be_entered(office: Office) -> None:
    """Neither by id nor by code: it is as if they were not there [A5]."""
    office.save_terms("other")
    there = office.new_client("Olga Other", org="other")
    code = office.code_of(there)
    _, ann = office.new_client("Jane Smith"), office.new_client("Ann Ash")
    for wanted in (str(there.id), code):
        page = send(office, "/attribute", referee=str(ann.id), referrer=wanted, note="x")
        assert reasons(page) == ["client_not_found"]
    for path in (f"/clients/{there.id}", "/clients/77", "/clients/x", f"/clients/{'9' * 200}", "/clients/a/b"):
        assert office.get(path).status_code == 404, path


# -- credit ----------------------------------------------------------------------------------------------------------


def test_credit_is_adjusted_up_and_down_with_a_note(office: Office) -> None:
    """It is an entry like any other, with the note and the actor on the client's log [K6] [K1]."""
    jane = office.new_client("Jane Smith")
    page = send(office, f"/adjust/{jane.id}", **adjustment(office, jane))
    assert "The credit was adjusted." in page
    assert "Note: for the trouble" in page
    assert "By Olivia" in page
    assert credit(office, jane) == 500
    for amount, left in (("-2.50", 250), ("\N{MINUS SIGN}3", -50), ("+1", 50)):
        send(office, f"/adjust/{jane.id}", **adjustment(office, jane, amount=amount))
        assert credit(office, jane) == left
    assert list(office.referrals.verify_ledger()) == []


def test_a_double_click_books_once(office: Office) -> None:
    """The same form sent twice is one entry; the next form is another [K1] [R4]."""
    jane = office.new_client("Jane Smith")
    form = adjustment(office, jane)
    for _ in range(2):
        assert "The credit was adjusted." in send(office, f"/adjust/{jane.id}", **form)
    assert credit(office, jane) == 500
    send(office, f"/adjust/{jane.id}", **adjustment(office, jane))
    assert credit(office, jane) == 1000


@pytest.mark.parametrize("amount", ["", "0", "0.00", "-0", "-", "five", "1e3", "--5", "5.001", "1,00", "9" * 25])
def test_an_amount_that_is_none_is_answered_at_its_field(office: Office, amount: str) -> None:
    """It says what to write, keeps what was typed and the same key, and books nothing [M1]."""
    jane = office.new_client("Jane Smith")
    form = adjustment(office, jane, amount=amount)
    page = send(office, f"/adjust/{jane.id}", **form)
    assert reasons(page) == ["amount_invalid"]
    assert f'name="key" value="{form["key"]}"' in page
    assert ">for the trouble</textarea>" in page
    assert credit(office, jane) == 0


def test_an_adjustment_needs_a_note_a_known_currency_and_its_key(office: Office) -> None:
    """The currency is the terms' or one that the client has an account in [K6] [M3]."""
    jane = office.new_client("Jane Smith")
    assert reasons(send(office, f"/adjust/{jane.id}", **adjustment(office, jane, note="  "))) == ["note_missing"]
    wrong = adjustment(office, jane, currency="EUR")
    assert reasons(send(office, f"/adjust/{jane.id}", **wrong)) == ["currency_mismatch"]
    assert office.post(f"/adjust/{jane.id}", **adjustment(office, jane, key="short")).status_code == 400
    send(office, f"/adjust/{jane.id}", **adjustment(office, jane))
    office.save_terms(currency="EUR", discount=None, referee_reward=None)
    page = office.text(f"/clients/{jane.id}")
    assert re.findall(r'<option value="(\w+)"', page) == ["EUR", "USD"]
    send(office, f"/adjust/{jane.id}", **adjustment(office, jane, currency="EUR"))
    assert (credit(office, jane), credit(office, jane, "EUR")) == (500, 500)


# -- codes and blocks ------------------------------------------------------------------------------------------------


def test_a_referrer_is_blocked_and_unblocked(office: Office) -> None:
    """Its codes are refused meanwhile; the page says since when and by whom [A3]."""
    jane = office.new_client("Jane Smith")
    code = office.code_of(jane)
    page = send(office, f"/block/{jane.id}", block="on")
    assert "Its codes are refused since 10 Jan 2026, by Olivia." in page
    assert "Jane Smith was blocked" in page
    ann = office.new_client("Ann Ash", code=code)
    assert state(office, ann) is None
    assert "Blocked" not in send(office, f"/block/{jane.id}", block="off").split("<h2", 1)[0]
    assert state(office, office.new_client("Ben Birch", code=code)) == (str(jane.id), "pending")
    assert office.post(f"/block/{jane.id}", block="maybe").status_code == 400


def test_a_leaked_code_is_switched_off(office: Office) -> None:
    """It is refused from then on, once on the log; what it earned stays [C4]."""
    jane, ann = jane_and_ann(office)
    code = office.code_of(jane)
    page = office.text(f"/clients/{jane.id}")
    found = re.search(r'name="code" value="(\d+)"', page)
    assert found is not None
    for _ in range(2):
        page = send(office, f"/code-off/{jane.id}", code=found[1])
    assert page.count(f"The code {code[:4]}-{code[4:]} was switched off") == 1
    assert 'name="code" value="1"' not in page
    assert state(office, office.new_client("Ben Birch", code=code)) is None
    assert state(office, ann) == (str(jane.id), "pending")


def test_nobody_elses_code_is_switched_off(office: Office) -> None:
    """The number of another client's code is not there on this page [C4]."""
    jane, ann = jane_and_ann(office)
    assert office.post(f"/code-off/{ann.id}", code="1").status_code == 404
    assert office.post(f"/code-off/{ann.id}", code="x").status_code == 404
    assert office.referrals.code(office.host.client(jane)).active


# -- the page --------------------------------------------------------------------------------------------------------


def test_the_clients_page_shows_codes_credit_referrals_and_log(office: Office) -> None:
    """All of it in words, from the side of this client, with full names and links to the referrals [G1]."""
    jane, ann = jane_and_ann(office)
    office.pay(office.new_invoice(ann))
    page = office.text(f"/clients/{jane.id}")
    code = office.code_of(jane)
    for part in (
        "$50.00",
        f"{code[:4]}-{code[4:]}",
        "Ann Ash was recommended by Jane Smith, by the code",
        "Ann Ash qualified as a referral of Jane Smith",
        "Jane Smith was credited $50.00 for recommending Ann Ash",
        'href="/admin/referrals/referrals/1"',
        'href="/staff/clients/1"',
        "Enter who did",
    ):
        assert part in page, part
    page = office.text(f"/clients/{ann.id}")
    for part in (
        'Recommended by <a href="/admin/referrals/clients/1">Jane Smith</a>',
        "Jane Smith was credited $50.00",
    ):
        assert part in page, part
    assert f"/admin/referrals/clients/{jane.id}" in office.text("/")


def test_the_log_is_paged_and_costs_the_same(office: Office) -> None:
    """Every line is shown once, newest first, and a long log costs no more statements than a short one [G1]."""
    jane = office.new_client("Jane Smith")
    with statements() as few:
        office.text(f"/clients/{jane.id}")
    for _ in range(22):
        send(office, f"/block/{jane.id}", block="on")
        send(office, f"/block/{jane.id}", block="off")
    found, path = [], f"/clients/{jane.id}"
    while path:
        with statements() as sent:
            page = office.browser.get(f"/admin/referrals{path}").text
        assert len(sent) <= len(few) <= 10
        found += re.findall(r"<strong>Jane Smith was (\w+)", page)
        older = re.search(r'rel="next" href="/admin/referrals([^"]+)"', page)
        path = "" if older is None else older[1]
    assert found == ["unblocked", "blocked"] * 22


def test_a_client_that_the_host_has_deleted_is_still_readable(office: Office) -> None:
    """What is on our books can be settled without the host's record [G1]."""
    jane, _ = jane_and_ann(office)
    db.session.delete(jane)
    db.session.commit()
    assert "<h1>Client 1</h1>" in office.text("/clients/1")


def test_names_and_notes_are_escaped(office: Office) -> None:
    """HTML in a name, a note or a reason is shown as text, on every page of these."""
    evil = "<img src=x onerror=alert(1)>"
    office.save_terms(approval="all", referee_reward=None)
    jane = office.new_client(evil)
    ann = office.new_client(f"{evil} Ash", code=office.code_of(jane))
    office.pay(office.new_invoice(ann))
    send(office, f"/adjust/{jane.id}", **adjustment(office, jane, note=evil))
    pages = [office.text(path) for path in ("/queue", "/referrals/1", "/clients/1", "/clients/2")]
    pages.append(send(office, "/attribute", referee=evil, referrer=evil, note=evil))
    pages.append(send(office, "/queue", wait="approval", reason=evil))
    for page in pages:
        assert "<img src=x" not in page
        assert "&lt;img" in page
        assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|<[^>&]+\son\w+=", page)


def test_ids_of_any_shape_have_a_page(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """A host's ids may hold slashes, spaces and signs: the page and its forms find their way back."""
    odd = Client(id="a/b c?d#é", name="Odd One")
    monkeypatch.setattr(office.host, "find_client", lambda org, client_id: odd if client_id == odd.id else None)
    monkeypatch.setattr(office.host, "client", lambda record: record)
    page = office.text("/clients/a/b c%3Fd%23é")
    action = re.search(r'action="(/admin/referrals/block/[^"]+)"', page)
    assert action is not None
    found = re.search(r'name="referrals_csrf" value="([^"]+)"', page)
    assert found is not None
    answer = office.browser.post(action[1], data={"referrals_csrf": found[1], "block": "on"})
    assert "Odd One was blocked" in office.browser.get(answer.location).text
