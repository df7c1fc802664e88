"""HostConformance: hosts that plug us in right pass, and each mistake is told once, with the method to change."""

from __future__ import annotations

import logging
import re
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest import SkipTest

import pytest

import flask_referrals
from flask_referrals.testing import HostConformance
from flask_referrals.testing.conformance.functions import HostFunctions
from tests.integration.conforming import Example, Plain, Signals, Watched
from tests.integration.misplugged import MISTAKES, Mistake
from tests.unit.test_docs import FILE, bare, blocks, forget_shop, table

OPTIONAL = {"undo_payment", "refund_part", "void", "delete", "new_draft", "change_amount", "log_in", "log_in_staff"}
TESTS = [name for name in dir(HostConformance) if name.startswith("test_")]
ROOT = Path(flask_referrals.__file__).parent
#: Mistakes for which all tests are run, and not only the one that is to find it.
WHOLE = {
    "AfterTax",
    "CreditsAddUp",
    "CrossesOrgs",
    "FloatDue",
    "ForgetsTheDiscount",
    "IdsAreNumbers",
    "IgnoresTheDiscount",
    "NoPayment",
    "NobodyHasPaid",
    "RepeatsIds",
    "SettledForGood",
    "TellsAfterTheCommit",
    "TwoTransactions",
}


class TestSignals(Signals):
    """A host that fires signals before its commit, and is strict with us."""

    config = {"REFERRALS_STRICT": True}


class TestWatched(Watched):
    """A host that is watched, and knows nothing of us."""


class TestExample(Example):
    """The example app, which deletes no invoices."""

    test_a_deleted_invoice_is_gone = None  # type: ignore[assignment]
    test_a_deletion_is_told = None  # type: ignore[assignment]


def outcomes(suite: HostConformance, names: list[str]) -> tuple[dict[str, str], dict[str, str]]:
    """Which of these tests fail, and which are left out, with what they say."""
    failed, skipped = {}, {}
    for name in names:
        try:
            getattr(suite, name)()
        except SkipTest as reason:
            skipped[name] = str(reason)
        except AssertionError as error:
            failed[name] = str(error)
    return failed, skipped


def test_five_lines_are_enough(tmp_path: Path) -> None:
    """A host with a sessionmaker, ids, dicts and events after its commit; what is not written is named by the skip."""
    suite = Plain()
    suite.folder = tmp_path
    failed, skipped = outcomes(suite, TESTS)
    assert failed == {}
    lines = {name: re.match(r"write `def (\w+)\(self, .*\)` in Plain: ", reason) for name, reason in skipped.items()}
    assert {found[1] for found in lines.values() if found} == OPTIONAL
    assert {name for name, found in lines.items() if not found} == {
        "test_a_discount_lowers_the_total",  # it is pulled
        "test_a_rollback_takes_our_work_along",  # it is another transaction
        "test_orgs_are_apart",
        "test_the_staff_s_pages_answer",  # they are another app's
    }


def test_the_app_is_left_as_it_was(tmp_path: Path) -> None:
    """Its clock, its settings and its log are its own again after each test, also after one that fails."""
    suite = MISTAKES[0].suite()
    state = suite.make_app().extensions["referrals"]
    state.settings = settings = replace(state.settings, strict=True)
    logger = logging.getLogger("flask_referrals")
    before = (state.now, settings, list(logger.handlers), logging.root.manager.disable)
    failed, _ = outcomes(suite, ["test_the_app_is_set_up", MISTAKES[0].test])
    assert list(failed) == [MISTAKES[0].test]
    assert (state.now, state.settings, logger.handlers, logging.root.manager.disable) == before


@pytest.mark.parametrize("mistake", MISTAKES, ids=str)
def test_each_mistake_is_told_once(mistake: Mistake) -> None:
    """By the test that is to find it, which names what to change; others pass, or are left out until it is mended."""
    names = TESTS
    if str(mistake) not in WHOLE:
        names = [mistake.test]
        mistake.suite._found.update(dict.fromkeys(TESTS, ""))  # those that it stands on need not be run again
    failed, _ = outcomes(mistake.suite(), names)
    assert list(failed) == [mistake.test]
    assert re.search(mistake.says, failed[mistake.test]), failed


def test_the_page_s_five_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """docs/howto/testing.md: they prove the tutorial's shop, which has no page to log in on."""
    files = {found[1]: body for _, body in blocks("tutorial.md") if (found := FILE.match(body))}
    for name, body in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(body, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    names: dict[str, Any] = {}
    try:
        exec(next(body for _, body in blocks("howto/testing.md")), names)
        last = ["test_a_payment_is_told", "test_nothing_is_left_to_reconcile", "test_the_portal_answers"]
        failed, skipped = outcomes(names["TestReferrals"](), last)
    finally:
        forget_shop()
    assert skipped == {}
    assert list(failed) == ["test_the_portal_answers"]
    assert failed["test_the_portal_answers"].startswith(
        "ShopHost.login_url: nobody is logged in, /portal/referrals/ leads"
    )


def test_it_needs_no_pytest() -> None:
    """Whoever takes FakeGateway into a demo needs no pytest there."""
    for path in ROOT.rglob("*.py"):
        assert not re.search(r"^\s*(from|import) pytest", path.read_text(), re.MULTILINE), path


def test_the_page_names_every_function() -> None:
    """docs/howto/testing.md: the four that are needed, and all that may be written besides."""
    rows = {bare(row["Function"]).partition("(")[0]: row["Needed"] for row in table("howto/testing.md", "functions")}
    written = {name for name, value in vars(HostFunctions).items() if callable(value) and not name.startswith("_")}
    assert set(rows) == written
    assert {name for name, needed in rows.items() if needed == "no"} == OPTIONAL
