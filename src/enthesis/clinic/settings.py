"""Settings of the shell. A clinic sets them by environment variables; each has a safe default.

ENTHESIS_DATA        directory of the database and the secret key (default: data/ where one stands)
DATABASE_URL         a PostgreSQL instead of SQLite: postgres://user@host/name, or with a socket
                     postgres://user@/name?host=/directory
ENTHESIS_HOSTS       host names that are answered, separated by commas (default: this machine only)
ENTHESIS_SECRET_KEY  the signing key; without it the one kept in ENTHESIS_DATA is used
ENTHESIS_IDLE_MINUTES  minutes without a click after which staff must sign in again (default 15)
ENTHESIS_SECOND_FACTOR  whether staff must sign in with a passkey or a code beside the password
                     (default yes; the invented clinic never asks)
ENTHESIS_LINK_DAYS   days after which a patient's personal link stops working (default 14)
ENTHESIS_ADDRESS     where patients reach this server, such as https://clinic.example: in messages
ENTHESIS_BACKUPS     where the daily backup is put (default: backups/ in ENTHESIS_DATA; better on
                     another disk)
ENTHESIS_BACKUP_KEY  the file with the key that seals them (default: backup_key in ENTHESIS_DATA)
ENTHESIS_BACKUP_DAYS  of how many days the newest backup is kept (default 14; 0: make none)
ENTHESIS_BACKUP_MONTHS  of how many months (default 12)
ENTHESIS_LOG         json: each line of the log as JSON, and a line for each request
ENTHESIS_SMTP        the mail server that takes messages: smtp+tls://user:password@host:587, or
                     smtps:// (TLS from the start), or smtp:// (no TLS, for this machine)
ENTHESIS_SMS         the text-message gateway: an address that takes a POST
ENTHESIS_SMS_BODY    what is posted, as JSON with {to}, {text} and {key} in it
ENTHESIS_SMS_AUTHORIZATION  its Authorization header, such as: Bearer abc
ENTHESIS_CARD        the card gateway on whose page patients pay: stripe (default: none)
ENTHESIS_CARD_KEY    its secret key
ENTHESIS_CARD_SECRETS  the signing secrets of its webhook, separated by commas
ENTHESIS_CARD_ADDRESS  where it is asked, if not at its usual address
ENTHESIS_CARD_PAGES  where its payment pages are, if not at its usual address: https://pay.example
"""

import os
import secrets
import sqlite3
import tempfile
from pathlib import Path

import environ
from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured

env = environ.Env()

DATA = Path(env.str("ENTHESIS_DATA", default="data")).resolve()
SECRET_KEY_FILE = DATA / "secret_key"
# As Django's own check asks (security.W009): letters, different letters, and its own default.
KEY_LETTERS, KEY_DIFFERENT, KEY_OF_DJANGO = 50, 5, "django-insecure-"


def _secret_key() -> str:
    """From the environment, or as kept by `secret.keep_key`; else one that dies with the process,
    which is what tests and the type checker need. ImproperlyConfigured for one easily guessed."""
    if given := env.str("ENTHESIS_SECRET_KEY", default=""):
        where, key = "ENTHESIS_SECRET_KEY", str(given)
    elif SECRET_KEY_FILE.exists():
        where, key = str(SECRET_KEY_FILE), SECRET_KEY_FILE.read_text().strip()
    else:
        return secrets.token_urlsafe(50)
    if len(key) < KEY_LETTERS or len(set(key)) < KEY_DIFFERENT or key.startswith(KEY_OF_DJANGO):
        raise ImproperlyConfigured(
            f"{where} holds a signing key that could be guessed: it needs {KEY_LETTERS} random "
            "letters or more. Unset the variable, or move the file away, and start again: a new "
            "key is made. Links that patients hold end with the old one."
        )
    return key


SECRET_KEY = _secret_key()
DEBUG = False

LOOPBACK = ["localhost", "127.0.0.1", "[::1]"]
ALLOWED_HOSTS = env.list("ENTHESIS_HOSTS", default=LOOPBACK)
# Beyond this machine everything is HTTPS: a server in front ends TLS and says so in a header.
HTTPS = bool(set(ALLOWED_HOSTS) - set(LOOPBACK))
if any("*" in host or "/" in host for host in ALLOWED_HOSTS) or not ALLOWED_HOSTS:
    raise ImproperlyConfigured(
        "ENTHESIS_HOSTS must be the names that this server answers to, such as clinic.example, "
        "without https:// and without a star: else links could be made to lead anywhere."
    )

INSTALLED_APPS = [
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "enthesis.clinic",
]

MIDDLEWARE = [
    "enthesis.clinic.logs.name_requests",
    "enthesis.clinic.middleware.know_the_visitor",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "enthesis.clinic.middleware.never_store",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "enthesis.clinic.middleware.SayWhatWentWrong",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "enthesis.clinic.middleware.end_sessions",
    "enthesis.clinic.middleware.use_clinic_zone",
    "enthesis.clinic.middleware.record_reads",
]

ROOT_URLCONF = "enthesis.clinic.urls"
WSGI_APPLICATION = "enthesis.clinic.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "builtins": ["enthesis.clinic.templatetags.words"],
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.messages.context_processors.messages",
                "enthesis.clinic.context.staff",
            ],
        },
    }
]

# The first with INSERT … RETURNING, by which a new row learns its number (clinic/prepared.py).
SQLITE_NEEDED = (3, 35)
SQLITE = {
    "ENGINE": "enthesis.clinic.turns",
    "NAME": DATA / "enthesis.sqlite3",
    # IMMEDIATE: a transaction that reads and then writes would else fail at once when another
    # writes, whatever the timeout. FULL: an acknowledged answer is on the disk.
    "OPTIONS": {
        "transaction_mode": "IMMEDIATE",
        "timeout": 10,
        "init_command": (
            "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON; "
            "PRAGMA mmap_size=134217728;"
        ),
    },
    # A file, because a live server's threads cannot share a database in memory; named after the
    # process, because several test runs may share a machine.
    "TEST": {"NAME": Path(tempfile.gettempdir()) / f"enthesis-test-{os.getpid()}.sqlite3"},
}
DATABASES = {
    # Never ATOMIC_REQUESTS: with IMMEDIATE every page read would take the one write lock.
    "default": env.db_url("DATABASE_URL") if "DATABASE_URL" in os.environ else SQLITE
}
if DATABASES["default"]["ENGINE"] not in (SQLITE["ENGINE"], "django.db.backends.postgresql"):
    # SQLite would run without the queue, and without FULL.
    raise ImproperlyConfigured(
        "DATABASE_URL names a PostgreSQL database, postgres://… To use SQLite leave it out; "
        "ENTHESIS_DATA says where its file is."
    )
if DATABASES["default"] is SQLITE and sqlite3.sqlite_version_info < SQLITE_NEEDED:
    raise ImproperlyConfigured(
        f"This Python has SQLite {sqlite3.sqlite_version}; Enthesis needs "
        f"{'.'.join(map(str, SQLITE_NEEDED))} or newer: use a newer system, or PostgreSQL by "
        "DATABASE_URL."
    )
DATABASES["default"]["CONN_MAX_AGE"] = 60
DATABASES["default"]["CONN_HEALTH_CHECKS"] = True

AUTH_USER_MODEL = "clinic.User"
LOGIN_URL = "sign_in"
LOGIN_REDIRECT_URL = "today"
# One hasher: each further one would be tried for an unknown name, which tells names apart by time.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 12},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator",
        "OPTIONS": {"user_attributes": ("username", "display_name")},
    },
    {"NAME": "enthesis.clinic.passwords.LengthenedPasswordValidator"},
    {"NAME": "enthesis.clinic.passwords.ContextPasswordValidator"},
]

SESSION_IDLE_SECONDS = 60 * env.int("ENTHESIS_IDLE_MINUTES", default=15)
SECOND_FACTOR = env.bool("ENTHESIS_SECOND_FACTOR", default=True)
ANSWER_LINK_DAYS = env.int("ENTHESIS_LINK_DAYS", default=14)
PUBLIC_ADDRESS = env.str("ENTHESIS_ADDRESS", default="").rstrip("/")
BACKUPS = env.str("ENTHESIS_BACKUPS", default="")
BACKUP_KEY = env.str("ENTHESIS_BACKUP_KEY", default="")
BACKUP_DAYS = env.int("ENTHESIS_BACKUP_DAYS", default=14)
BACKUP_MONTHS = env.int("ENTHESIS_BACKUP_MONTHS", default=12)
if BACKUP_DAYS < 0 or BACKUP_MONTHS < 0:
    raise ImproperlyConfigured(
        "ENTHESIS_BACKUP_DAYS and ENTHESIS_BACKUP_MONTHS say of how many days and months backups "
        "are kept: 0 or more."
    )
SMTP = env.str("ENTHESIS_SMTP", default="")
SMS = env.str("ENTHESIS_SMS", default="")
SMS_BODY = env.str("ENTHESIS_SMS_BODY", default='{"to": "{to}", "text": "{text}", "id": "{key}"}')
SMS_AUTHORIZATION = env.str("ENTHESIS_SMS_AUTHORIZATION", default="")
CARD = env.str("ENTHESIS_CARD", default="")
CARD_KEY = env.str("ENTHESIS_CARD_KEY", default="")
CARD_SECRETS = env.list("ENTHESIS_CARD_SECRETS", default=[])
CARD_ADDRESS = env.str("ENTHESIS_CARD_ADDRESS", default="")
CARD_PAGES = env.str("ENTHESIS_CARD_PAGES", default="")
# However busy, a day's work ends with signing in again (middleware.end_sessions: Django alone
# counts anew from each click).
SESSION_COOKIE_AGE = 12 * 60 * 60
SESSION_COOKIE_HTTPONLY = True
# A browser takes a cookie of such a name from this very host and over TLS only: no other host of
# the clinic's domain can plant one. Without TLS browsers refuse the prefix.
COOKIE_PREFIX = "__Host-" if HTTPS else ""
SESSION_COOKIE_NAME = f"{COOKIE_PREFIX}sessionid"
CSRF_COOKIE_NAME = f"{COOKIE_PREFIX}csrftoken"
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = HTTPS
CSRF_COOKIE_HTTPONLY = True
CSRF_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_SECURE = HTTPS
# Not in a cookie of their own: what is said to staff names patients.
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"
CSRF_FAILURE_VIEW = "enthesis.clinic.errors.forged"

SECURE_SSL_REDIRECT = HTTPS
# A monitor on this machine asks without TLS; it is told one word.
SECURE_REDIRECT_EXEMPT = [r"^health$"]
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if HTTPS else None
SECURE_HSTS_SECONDS = 365 * 24 * 60 * 60 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = HTTPS
SECURE_HSTS_PRELOAD = HTTPS
# Not no-referrer: browsers then send "Origin: null" with our own forms, which CSRF refuses. Other
# sites are told nothing either way.
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"

# Files are sent one at a time, stay in memory up to what may be attached, and never touch the
# temporary folder of the machine: they are of patients, and anybody may send one to any page.
FILE_UPLOAD_HANDLERS = ["enthesis.clinic.image_files.WithinLimit"]
DATA_UPLOAD_MAX_NUMBER_FILES = 1

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
        "base-uri": [NONE],
        "object-src": [NONE],
    }
}

STATIC_URL = "/static/"
# Served as they lie in the package: no collectstatic step that someone could forget.
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = False
WHITENOISE_ALLOW_ALL_ORIGINS = False

USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en-us"
USE_I18N = True
# Staff pages are in English; a patient's pages follow the patient (pages/answer.py).
FORMAT_MODULE_PATH = "enthesis.clinic.formats"
LANGUAGES = [("en", "English"), ("es", "Español")]

LOG_JSON = env.str("ENTHESIS_LOG", default="") == "json"
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"hide_links": {"()": "enthesis.clinic.errors.HideLinks"}},
    "formatters": {"line": {"()": f"enthesis.clinic.logs.{'Json' if LOG_JSON else 'Line'}"}},
    "handlers": {
        "console": {
            "class": "logging.StreamHandler",
            "filters": ["hide_links"],
            "formatter": "line",
        }
    },
    "loggers": {
        "django": {"handlers": ["console"], "level": "ERROR", "propagate": False},
        "enthesis": {"handlers": ["console"], "level": "INFO", "propagate": False},
        # On a terminal a line for each request would hide what matters.
        "enthesis.request": {"level": "INFO" if LOG_JSON else "WARNING"},
    },
}
