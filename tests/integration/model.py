"""What a referral program owes, in a few dozen lines: the host's own rows, and what was announced, are all it knows."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

Reward = dict[str, Any]


@dataclass
class Bond:
    """A referee's tie; `by` is the invoice that it stands qualified by."""

    referrer: int
    by: int | None = None
    rewards: list[Reward] = field(default_factory=list)


class Model:
    """Expected rewards under a document of terms; `now` is in days."""

    def __init__(self, terms: dict[str, Any]) -> None:
        self.terms = terms
        self.bonds: dict[int, Bond] = {}
        self.queue: dict[int, list[Reward]] = defaultdict(list)
        self.now = 0

    def announce(self, verb: str, row: Any) -> None:
        """The host says that something happened to an invoice."""
        bond = self.bonds.get(row.client_id)
        if bond is None:
            return
        stays = row.paid + row.credit
        good = row.settled and not row.void and stays >= self.terms["least"]
        if bond.by is None and good and verb == "paid":
            bond.by = row.id
            self.earn(bond, row.client_id, row.subtotal - row.discount, stays)
        elif bond.by == row.id and not good:
            bond.by = None
            self.lose(bond)
        elif bond.by == row.id:
            for reward in bond.rewards:
                if reward["shrinks"]:
                    share = min(stays, reward["paid"])
                    reward["amount"] = (2 * reward["whole"] * share + reward["paid"]) // (2 * reward["paid"])

    def earn(self, bond: Bond, referee: int, basis: int, paid: int) -> None:
        """The rewards of a new qualification: tier, milestone, the other side (R2, R3, R6)."""
        n = sum(one.by is not None for one in self.bonds.values() if one.referrer == bond.referrer)
        amount, percent = self.terms["amount"], self.terms.get("percent")
        for start, promised in self.terms.get("tiers", ()):
            amount = promised if n >= start else amount
        if percent:
            amount = min((2 * basis * percent + 100) // 200, self.terms["cap"])
        if amount:
            self.give(bond, bond.referrer, amount, paid, shrinks=bool(percent))
        standing = [one["at"] for each in self.bonds.values() if each.referrer == bond.referrer for one in each.rewards]
        for at, extra in self.terms.get("milestones", ()):
            if n == at and at not in standing:
                self.give(bond, bond.referrer, extra, paid, at=at)
        if self.terms.get("referee"):
            self.give(bond, referee, self.terms["referee"], paid, limited=False)

    def give(self, bond: Bond, who: int, amount: int, paid: int, *, at: int = 0, **more: bool) -> None:
        """A reward: issued now, or waiting for approval, the end of a hold, or a place (R5, R8, L1)."""
        facts = {
            "who": who,
            "amount": amount,
            "whole": amount,
            "paid": paid,
            "at": at,
            "shrinks": False,
            "limited": True,
        }
        reward: Reward = facts | more | {"waits": "", "until": self.now + self.terms.get("hold", 0)}
        if self.terms.get("approval"):
            reward["waits"] = "approval"
        elif self.terms.get("hold"):
            reward["waits"] = "hold"
        else:
            self.place(reward)
        bond.rewards.append(reward)  # only now: it takes no place from itself

    def place(self, reward: Reward) -> None:
        """Issue it if there is a place and nobody waits for one."""
        most = self.terms.get("total")
        full = most and (self.queue[reward["who"]] or self.issued(reward["who"]) >= most)
        reward["waits"] = "limit" if full and reward["limited"] else ""
        if reward["waits"]:
            self.queue[reward["who"]].append(reward)

    def issued(self, who: int) -> int:
        """How many rewards as a referrer this client has now."""
        found = [one for bond in self.bonds.values() for one in bond.rewards]
        return sum(one["who"] == who and one["limited"] and not one["waits"] for one in found)

    def lose(self, bond: Bond) -> None:
        """All rewards of a qualification go (U1)."""
        for reward in bond.rewards:
            if reward["waits"] == "limit":
                self.queue[reward["who"]].remove(reward)
        bond.rewards = []

    def work(self) -> None:
        """The worker: holds end, places are filled, the oldest first."""
        for reward in [one for bond in self.bonds.values() for one in bond.rewards]:
            if reward["waits"] == "hold" and reward["until"] <= self.now:
                self.place(reward)
        for who, waiting in self.queue.items():
            while waiting and self.issued(who) < self.terms["total"]:
                waiting.pop(0)["waits"] = ""

    def decide(self, referee: int, approved: bool) -> None:
        """Staff approve what waits on a referral, or refuse it."""
        bond = self.bonds[referee]
        waiting = [reward for reward in bond.rewards if reward["waits"] == "approval"]
        for reward in waiting:
            if approved:
                reward["waits"] = ""
            else:
                bond.rewards.remove(reward)

    def credit(self, who: int) -> int:
        """What this client has earned and kept."""
        found = [one for bond in self.bonds.values() for one in bond.rewards]
        return sum(one["amount"] for one in found if one["who"] == who and not one["waits"])
