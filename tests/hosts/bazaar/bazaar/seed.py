"""Demo data: two shops, their merchants, a buyer and some orders."""
from decimal import Decimal

from bazaar.services import order_service, shop_service, user_service
from bazaar.services.order_service import Line

PASSWORD = 'bazaar123'


def seed_demo():
    """Fill an empty database. Returns False if there is something in it already."""
    if shop_service.all_shops():
        return False
    tea = shop_service.create_shop('tea', 'Tea & Leaves', 'EUR')
    lamps = shop_service.create_shop('lamps', 'Lamps of Bristol', 'GBP')
    for shop, email, name in ((tea, 'tina@tea.example', 'Tina Blatt'),
                              (lamps, 'leo@lamps.example', 'Leo Marsh')):
        merchant = user_service.register(email, name, PASSWORD, is_merchant=True)
        shop_service.add_merchant(shop.id, merchant.id)
    shop_service.add_product(tea.id, 'Assam, 250 g', 1290, Decimal('7'))
    shop_service.add_product(tea.id, 'Darjeeling, 100 g', 995, Decimal('7'))
    shop_service.add_product(tea.id, 'Teapot, blue', 3450, Decimal('19'))
    shop_service.add_product(lamps.id, 'Desk lamp', 4900, Decimal('20'))
    shop_service.add_product(lamps.id, 'Bulb E27', 350, Decimal('20'))

    buyer = user_service.register('bea@example.org', 'Bea Kunde', PASSWORD, phone='+49 30 1234567')
    order_service.place_order(tea, buyer, [Line('Assam, 250 g', 2, 1290, Decimal('7')),
                                           Line('Teapot, blue', 1, 3450, Decimal('19'))])
    paid = order_service.place_order(lamps, buyer, [Line('Desk lamp', 1, 4900, Decimal('20'))])
    order_service.mark_as_paid(paid.id, 'demo')
    return True
