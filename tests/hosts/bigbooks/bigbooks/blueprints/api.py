"""JSON API for the warehouse system, and the webhook of the payment provider."""
import hashlib
import hmac
from decimal import InvalidOperation
from functools import wraps

from flask import Blueprint, current_app, jsonify, request

from bigbooks.extensions import csrf, db
from bigbooks.models import Invoice, Payment
from bigbooks.services.billing import BillingError, refund, register_payment
from bigbooks.utils import cents, utcnow

bp = Blueprint('api', __name__)
csrf.exempt(bp)


def error(message, status):
    return jsonify(error=message), status


def api_key_required(view):
    @wraps(view)
    def wrapped(*args, **kwargs):
        key = request.headers.get('X-Api-Key', '').encode()
        if not any(hmac.compare_digest(key, known.encode()) for known in current_app.config['API_KEYS']):
            return error('missing or wrong API key', 401)
        return view(*args, **kwargs)
    return wrapped


def invoice_json(invoice):
    return {
        'id': invoice.id, 'number': invoice.number, 'kind': invoice.kind, 'status': invoice.status,
        'client': invoice.client.name, 'currency': invoice.currency, 'total': str(invoice.total),
        'amount_paid': str(invoice.amount_paid), 'credit_applied': str(invoice.credit_applied),
        'balance': str(invoice.balance),
    }


@bp.route('/invoices/<int:invoice_id>')
@api_key_required
def get_invoice(invoice_id):
    invoice = Invoice.query.filter_by(id=invoice_id, deleted_at=None).first()
    if invoice is None:
        return error('no such invoice', 404)
    return jsonify(invoice_json(invoice))


@bp.route('/invoices/<int:invoice_id>/payments', methods=['POST'])
@api_key_required
def add_payment(invoice_id):
    invoice = Invoice.query.filter_by(id=invoice_id, deleted_at=None).first()
    if invoice is None:
        return error('no such invoice', 404)
    data = request.get_json(silent=True) or {}
    try:
        register_payment(invoice, str(data.get('amount')), 'api', reference=data.get('reference'))
    except InvalidOperation:
        return error('amount is missing or not a number', 400)
    except BillingError as e:
        return error(str(e), 422)
    db.session.commit()
    return jsonify(invoice_json(invoice)), 201


@bp.route('/webhooks/payco', methods=['POST'])
def payco_webhook():
    """Payco signs the body with HMAC-SHA256 and sends an event again until it gets a 200."""
    secret = current_app.config['PAYCO_SECRET'].encode()
    expected = hmac.new(secret, request.get_data(), hashlib.sha256).hexdigest()
    if not hmac.compare_digest(expected.encode(), request.headers.get('X-Payco-Signature', '').encode()):
        return error('bad signature', 401)
    try:
        event = request.get_json(force=True)
        event_id, event_type, data = event['id'], event['type'], event['data']
        number, amount = data['invoice_number'], cents(data['amount'])
        if amount <= 0:
            raise ValueError('amount')
    except (KeyError, TypeError, ValueError, InvalidOperation):
        return error('malformed event', 400)
    if Payment.query.filter_by(reference=event_id).first():
        return jsonify(result='duplicate')
    invoice = Invoice.query.filter_by(number=number, kind='invoice', deleted_at=None).with_for_update().first()
    if invoice is None or invoice.status in ('draft', 'void', 'written_off'):
        current_app.logger.warning('payco: %s for %s ignored', event_id, number)
        return jsonify(result='ignored')

    if event_type == 'payment.succeeded':
        # the money is here already, so more than the balance is taken too
        invoice.amount_paid = invoice.amount_paid + amount
        if invoice.amount_paid + invoice.credit_applied >= invoice.total:
            if invoice.status != 'paid':
                invoice.paid_at = utcnow()
            invoice.status = 'paid'
        else:
            invoice.status = 'part_paid'
        db.session.add(Payment(invoice_id=invoice.id, amount=amount, method='payco', reference=event_id,
                               received_on=utcnow().date()))
    elif event_type == 'payment.refunded':
        try:
            refund(invoice, amount, note='Refunded at Payco', reference=event_id)
        except BillingError as e:
            return error(str(e), 422)
    else:
        return jsonify(result='ignored')
    db.session.commit()
    return jsonify(result='ok')
