"""The player itself: it is strict about the language, it can fail, and it does what README.md says."""

from __future__ import annotations

import os
import random
import re
import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from flask_referrals import signals
from flask_referrals.domain.codes import canonical, generate, is_mistyped
from flask_referrals.testing import FrozenClock
from tests.notyet import not_yet

from . import language, verbs
from .expect import EXPECTATIONS, unmet
from .people import mistyped, sloppy
from .player import StepFailed, play, read
from .reading import StoryError
from .terms import Book
from .test_stories import find_stories
from .world import World

HEAD = """
title: Jane refers Kiera
clock: 2026-01-10T09:00:00Z
terms:
  currency: USD
  discount: {percent: "15"}
  referrer_reward: {kinds: [credit], amount: "50.00"}
steps:
"""
LOOP = f"""{HEAD}
  - client: {{id: jane, name: Jane Smith, email: jane@smith.example}}
  - visit: {{link_of: jane, browser: phone}}
  - register: {{id: kiera, name: Kiera Lopez, email: kiera@lopez.example, code_of: jane}}
  - invoice: {{id: i1, client: kiera, subtotal: "200.00", tax_percent: "10"}}
  - pay: {{invoice: i1}}
"""
#: An expectation that is met after the loop, and one of the same kind that is not.
EXPECTED = [
    ("last: ok", "last: {refused: no_credit}"),
    ("referral: {kiera: {state: qualified, referrer: jane, via: code, n: 1}}", "referral: {kiera: {state: pending}}"),
    ("referral: {jane: null}", "referral: {kiera: null}"),
    ("referral: {kiera: {referrer: jane}}", "referral: {kiera: {referrer: kiera}}"),
    ('discount: {i1: "30"}', 'discount: {i1: "29.99"}'),
    ('total: {i1: "187.0"}', 'total: {i1: "187.01"}'),
    ('due: {i1: "0.00"}', 'due: {i1: "187.00"}'),
    ('rewards: {jane: [{kind: credit, amount: "50"}]}', "rewards: {jane: []}"),
    ("rewards: {kiera: []}", "rewards: {kiera: [{state: issued}]}"),
    ("rewards: {jane: [{state: issued}]}", "rewards: {jane: [{state: reversed}]}"),
    ('rewards: {jane: [{amount: "50.00"}]}', 'rewards: {jane: [{amount: "50.01"}]}'),
    ("rewards: {jane: [{}]}", "rewards: {jane: [{}, {}]}"),
    ('credit: {jane: "50.00"}', 'credit: {jane: "0"}'),
    ('held: {jane: "0"}', 'held: {jane: "50.00"}'),
    ("activity: {jane: [attributed, qualified]}", "activity: {jane: [qualified, attributed]}"),
    ("activity: {jane: [link_visited, attributed]}", "activity: {jane: [attributed, attributed]}"),
    ("notified: {jane: [attributed, reward_issued]}", "notified: {jane: [reward_issued, attributed]}"),
    ("notified: {jane: [reward_issued]}", "notified: {kiera: [reward_issued]}"),
    ("visits: {jane: 1}", "visits: {jane: 2}"),
    ("ledger_verifies: true", "ledger_verifies: false"),
]
on_sqlite = pytest.mark.parametrize("backend", ["sqlite"], indirect=True)


# -- the language ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("step", "message"),
    [
        ("payy: {invoice: i1}", "bad.yaml, step 1: unknown verb 'payy'"),
        ("pay: {invoice: i1, amonut: '1'}", "bad.yaml, step 1 (pay): unknown field 'amonut'"),
        ("pay: {amount: '1'}", "bad.yaml, step 1 (pay): the field 'invoice' is missing"),
        ("pay: {invoice: i1, amount: 1.5}", "bad.yaml, step 1 (pay): amount: an amount is a string"),
        ("pay: {invoice: i1, amount: '1,5'}", "bad.yaml, step 1 (pay): amount: '1,5' is not an amount"),
        ("pay: {invoice: i1, org: zenith}", "bad.yaml, step 1 (pay): there is no org 'zenith'"),
        ("pay: [i1]", "bad.yaml, step 1 (pay): expected fields"),
        ("{pay: {invoice: i1}, void: {invoice: i1}}", "bad.yaml, step 1: a step is one verb"),
        ("expect: {balance: {jane: '1'}}", "bad.yaml, step 1 (expect): unknown field 'balance'"),
        ("expect: {referral: {a: {stat: pending}}}", "(expect): referral: a: unknown field 'stat'"),
        ("expect: {rewards: {a: [{sort: credit}]}}", "(expect): rewards: a 1: unknown field 'sort'"),
        ("expect: {last: {refusd: no_credit}}", "(expect): last: unknown field 'refusd'"),
        ("expect: {last: fine}", "(expect): last: expected fields, not 'fine'"),
        ("expect: {visits: {a: 1}, visits: {b: 2}}", "bad.yaml: 'visits' is there twice"),
        ("switch: {program: off}", "(switch): program: expected one of on, off, not False"),
        ("set_terms: {discount: {percnt: '5'}}", "(set_terms): discount: unknown field 'percnt'"),
        ("set_terms: {discount: {percent: '5', amount: '5'}}", "(set_terms): discount: only one of percent, amount"),
        ("set_terms: {from: tomorrow}", "(set_terms): from: expected a time"),
        ("enter_code: {client: a, invoice: b}", "(enter_code): one of code_of, code, typo_of, sloppy_code_of"),
        ("register: {id: a, name: A, email: a@a.example, code: X, code_of: b}", "(register): only one of code_of"),
        ("invoice: {id: i1, client: a, subtotal: '1', lines: []}", "(invoice): only one of subtotal, lines"),
        ("stripe_fails: {next: [fire]}", "(stripe_fails): next 1: expected one of rate_limit"),
        ("advance: {}", "(advance): say days, hours or to"),
    ],
)
def test_what_the_language_lacks_is_an_error_with_its_place(step: str, message: str) -> None:
    """A slip of the pen is named with file, step and field, before anything is played."""
    with pytest.raises(StoryError, match=re.escape(message)):
        read(f"{HEAD}  - {step}\n", "bad.yaml")


def test_the_head_is_strict_too() -> None:
    """As strict as the steps."""
    with pytest.raises(StoryError, match=r"bad\.yaml: unknown field 'titel'"):
        read(f"titel: x\n{HEAD}  []", "bad.yaml")
    with pytest.raises(StoryError, match=r"bad\.yaml: terms: unknown field 'hold'"):
        read(HEAD.replace("  currency", "  hold: 7\n  currency") + "  []", "bad.yaml")
    with pytest.raises(StoryError, match=r"bad\.yaml: the field 'clock' is missing"):
        read(HEAD.replace("clock: 2026-01-10T09:00:00Z", "") + "  []", "bad.yaml")
    with pytest.raises(StoryError, match=r"bad\.yaml: .*"):
        read("title: [", "bad.yaml")


def test_every_word_of_the_page_is_known() -> None:
    """The tables of README.md, the language and the player name the same verbs, fields and expectations."""
    page = Path(__file__).with_name("README.md").read_text(encoding="utf-8")
    steps, expect = page.split("## Steps")[1].split("## Expect")
    rows: dict[str, set[str]] = {}
    for line in re.findall(r"^\| `.*", steps, re.MULTILINE):
        verbs_of_row, fields = re.sub(r"`?(\{.*\}|\[.*\])", "", line).split(" | ")[:2]
        quoted = ",".join(re.findall(r"`([^`]+)`", fields)).split(",")
        known = {one.split(":")[0].strip() for one in quoted} - {""}
        rows.update(dict.fromkeys(re.findall(r"`(\w+)`", verbs_of_row), known))
    assert set(rows) == set(language.STEPS) == {*verbs.VERBS, "repeat", "expect"}
    assert rows["adjust"] == {"client", "amount", "note"}
    for verb, known in rows.items():
        for name in known:
            with pytest.raises(StoryError) as caught:
                language.STEPS[verb]({name: object()}, "here")
            assert "unknown field" not in str(caught.value), (verb, name)
    names = set(re.findall(r"^\| `(\w+)", expect, re.MULTILINE))
    assert names == set(language.EXPECT) == {*EXPECTATIONS, "last"}


# -- failing ---------------------------------------------------------------------------------------------------------


@on_sqlite
@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ('credit: {jane: "50.01"}', "credit: jane: expected 50.01, found 50.00"),
        ("activity: {jane: [reward_issued, qualified]}", "activity: jane: expected in this order"),
        ("rewards: {kiera: [{state: issued}]}", "rewards: kiera: expected"),
    ],
)
def test_a_story_with_a_wrong_expectation_fails(world: World, wrong: str, message: str) -> None:
    """It fails at that step, and says what was expected and what was found."""
    story = read(f"{LOOP}  - expect: {{{wrong}}}\n", "bad.yaml")
    with pytest.raises(StepFailed, match=re.escape("bad.yaml, step 6 (expect): " + message)):
        play(story, world)


@on_sqlite
def test_every_expectation_can_be_met_and_missed(world: World) -> None:
    """After the same loop, each kind of expectation says yes to what is so and no to what is not."""
    play(read(LOOP, "loop.yaml"), world)
    for right, wrong in EXPECTED:
        met, missed = read(f"{HEAD}  - expect: {{{right}}}\n  - expect: {{{wrong}}}\n", "one.yaml").steps
        assert unmet(world, met, None) == [], right
        assert unmet(world, missed, None) != [], wrong
    refused = read(f"{HEAD}  - expect: {{last: {{refused: no_credit}}}}\n", "one.yaml").steps[0]
    assert unmet(world, refused, "no_credit") == []
    assert unmet(world, refused, "more_than_due") != []


@on_sqlite
@pytest.mark.parametrize(
    ("step", "message"),
    [
        ("pay: {invoice: i9}", "acme has no invoice 'i9' yet"),
        ("pay: {invoice: i1, amount: '1000'}", "the host refuses this"),
        ("invoice: {id: i1, client: kiera, subtotal: '1.00'}", "acme has a 'i1' already"),
        ("set_terms: {discount: {percent: '101'}}", "the settings form refuses"),
        ("expect: {credit: {nobody: '1'}}", "acme has no client 'nobody' yet"),
    ],
)
def test_a_step_that_cannot_be_taken_fails(world: World, step: str, message: str) -> None:
    """What the host or a page does not do is no success."""
    with pytest.raises(StepFailed, match=re.escape(message)):
        play(read(f"{LOOP}  - {step}\n", "bad.yaml"), world)


@on_sqlite
def test_what_is_not_there_yet_is_a_skip_with_its_reason(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The summary of the run lists it; what came before it in the story was played."""
    monkeypatch.setitem(verbs.VERBS, "choose", lambda world, org, fields: not_yet("verb choose"))
    with pytest.raises(pytest.skip.Exception, match="not yet: verb choose"):
        play(read(f"{LOOP}  - choose: {{client: jane, kind: cash}}\n", "later.yaml"), world)
    assert world.code("acme", "jane")


# -- what the words mean ---------------------------------------------------------------------------------------------


@on_sqlite
def test_repeat_makes_the_host_fire_the_same_signal_again(world: World) -> None:
    """The same form goes to the host once more, and its signal goes out once more, for the same record."""
    fired: Counter[tuple[str, int]] = Counter()
    receivers = []
    for name in ("invoice_created", "invoice_changed", "invoice_paid", "invoice_refunded", "invoice_voided"):

        def receive(sender: object, *, invoice: Any, name: str = name, **extra: object) -> None:
            fired[name, invoice.id] += 1

        receivers.append(receive)  # a signal holds its receivers weakly
        getattr(signals, name).connect(receive)
    steps = """
  - repeat:
  - refund: {invoice: i1}
  - repeat:
  - invoice: {id: i2, client: kiera, subtotal: "10.00"}
  - repeat:
  - change_invoice: {id: i2, subtotal: "20.00"}
  - repeat:
  - void: {invoice: i2}
  - repeat
  - expect: {credit: {jane: "0"}, total: {i2: "17.00"}}
"""
    play(read(LOOP + steps, "twice.yaml"), world)
    first, second = sorted({invoice for _, invoice in fired})
    assert fired == {
        ("invoice_created", first): 1,
        ("invoice_paid", first): 2,
        ("invoice_refunded", first): 2,
        ("invoice_created", second): 2,
        ("invoice_changed", second): 2,
        ("invoice_voided", second): 2,
    }


def test_a_typing_error_is_never_a_code() -> None:
    """Whatever the code, one wrong character is found; sloppy typing is the same code."""
    chance = random.Random(7)
    for _ in range(500):
        code = generate(chance.choice)
        assert is_mistyped(canonical(mistyped(code)))
        assert sum(one != other for one, other in zip(code, mistyped(code), strict=True)) == 1
        assert canonical(sloppy(code)) == code
        assert sloppy(code).lower() == sloppy(code) != code
        assert " " in sloppy(code).strip()
        assert "-" in sloppy(code)
    assert mistyped("GREENLAWN") != "GREENLAWN"


def test_a_change_goes_on_top_of_the_terms_of_its_day() -> None:
    """A key replaces the old value whole; the others are those in force at `from`, of equals the one saved later."""
    clock = FrozenClock(datetime(2026, 1, 1, tzinfo=UTC))
    may, june = datetime(2026, 5, 1, tzinfo=UTC), datetime(2026, 6, 1, tzinfo=UTC)
    book = Book(clock)
    book.add({"currency": "USD", "discount": {"percent": "5", "cap": "9"}, "min_paid": "1"}, None)
    book.add(book.changed({"min_paid": "2"}, may), may)

    assert book.changed({"discount": {"percent": "7"}}, None) == {
        "currency": "USD",
        "discount": {"percent": "7"},
        "min_paid": "1",
    }
    assert book.changed({"discount": None}, june) == {"currency": "USD", "min_paid": "2"}
    book.add({"currency": "EUR"}, may)
    assert book.at(june) == {"currency": "EUR"}
    assert book.at()["currency"] == "USD"


def test_another_folder_is_played_instead(tmp_path: Path) -> None:
    """REFERRALS_SCENARIOS names it; a story that is good passes there, one that is not fails."""
    good = f'{LOOP}  - expect: {{credit: {{jane: "50.00"}}}}\n'
    (tmp_path / "good.yaml").write_text(good)
    (tmp_path / "bad.yaml").write_text(good.replace('jane: "50.00"', 'jane: "51.00"'))
    environment = {**os.environ, "REFERRALS_SCENARIOS": str(tmp_path), "REFERRALS_TEST_COMPLETE": "0"}
    file = str(Path(__file__).with_name("test_stories.py"))
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", "sqlite", file]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "1 failed, 1 passed" in done.stdout
    assert "bad.yaml, step 6 (expect): credit: jane: expected 51.00, found 50.00" in done.stdout


def test_a_folder_without_stories_is_an_error(tmp_path: Path) -> None:
    """A misspelt folder is no success."""
    with pytest.raises(pytest.UsageError, match="there are no stories in"):
        find_stories(str(tmp_path))
    assert len(find_stories(None)) > 30
