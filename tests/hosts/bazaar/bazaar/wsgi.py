"""Both apps in one process: the storefront at /, the backoffice at /backoffice."""
from werkzeug.middleware.dispatcher import DispatcherMiddleware

from bazaar import backoffice, storefront


def create_application(config=None):
    return DispatcherMiddleware(storefront.create_app(config), {'/backoffice': backoffice.create_app(config)})


application = create_application()


if __name__ == '__main__':
    from werkzeug.serving import run_simple
    run_simple('127.0.0.1', 5000, application, use_reloader=True)
