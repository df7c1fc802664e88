"""What a bill comes to. Nothing of this is stored, it is worked out each time."""


def line(item):
    return round(item.qty * item.price, 2)


def net(bill):
    return round(sum(item.qty * item.price for item in bill.items), 2)


def tax(bill):
    return round(sum(item.qty * item.price * item.tax / 100 for item in bill.items), 2)


def gross(bill):
    return round(net(bill) + tax(bill), 2)


def paid(bill):
    """What came in, less what was given back."""
    return round(sum(-r.amount if r.how == "back" else r.amount for r in bill.receipts), 2)


def open_amount(bill):
    return round(gross(bill) - paid(bill), 2)


def is_paid(bill):
    return bill.sent_on is not None and open_amount(bill) < 0.005


def status(bill):
    """One word for lists."""
    if bill.cancelled:
        return "cancelled"
    if bill.sent_on is None:
        return "draft"
    return "paid" if is_paid(bill) else "open"


def outstanding(bills):
    """Sum of what is still to come in for these bills."""
    return round(sum(open_amount(b) for b in bills if status(b) == "open"), 2)
