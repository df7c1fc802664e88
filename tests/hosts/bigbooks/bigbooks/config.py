"""Settings. Everything that differs between machines comes from the environment."""
import os


def database_url():
    """The database URL of the environment, or a SQLite file in the instance folder."""
    url = os.environ.get('DATABASE_URL') or 'sqlite:///bigbooks.db'
    # Heroku style URLs
    if url.startswith('postgres://'):
        url = 'postgresql+psycopg://' + url[len('postgres://'):]
    return url


class Config:
    SECRET_KEY = os.environ.get('SECRET_KEY', 'dev-only-change-me')
    SQLALCHEMY_DATABASE_URI = None  # see database_url()
    SQLALCHEMY_TRACK_MODIFICATIONS = False
    MAX_CONTENT_LENGTH = 2 * 1024 * 1024
    WTF_CSRF_TIME_LIMIT = 4 * 3600
    SESSION_COOKIE_SAMESITE = 'Lax'
    PASSWORD_HASH_METHOD = 'scrypt'

    COMPANY_NAME = os.environ.get('COMPANY_NAME', 'Northfield Trading Ltd')
    COMPANY_ADDRESS = '14 Canal Street, Leeds'
    COMPANY_EMAIL = 'accounts@northfield.example'
    COMPANY_VAT_NUMBER = 'GB123456789'

    DEFAULT_TAX_RATE = '20.00'
    PAYMENT_TERMS_DAYS = 30
    SMALL_BALANCE = '1.00'

    # of the systems that may use the API, separated by commas
    API_KEYS = [key for key in os.environ.get('API_KEYS', '').split(',') if key]
    PAYCO_SECRET = os.environ.get('PAYCO_SECRET', 'payco-test-secret')


class ProductionConfig(Config):
    SESSION_COOKIE_SECURE = True
    REMEMBER_COOKIE_SECURE = True


class TestConfig(Config):
    TESTING = True
    SECRET_KEY = 'testing'
    API_KEYS = ['test-api-key']
    PASSWORD_HASH_METHOD = 'pbkdf2:sha256:1000'


CONFIGS = {
    'default': Config,
    'production': ProductionConfig,
    'testing': TestConfig,
}
