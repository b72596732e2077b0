"""The settings of a Django project that produces."""

from __future__ import annotations

SECRET_KEY = "for tests"
INSTALLED_APPS = ["dekaf.contrib.django"]
ROOT_URLCONF = "tests.contrib.django.urls"
ASGI_APPLICATION = "tests.contrib.django.asgi.application"
ALLOWED_HOSTS = ["*"]
USE_TZ = True
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}

NOWHERE = "127.0.0.1:1"  # nobody listens there: no test here needs a broker
DEKAF = {
    "default": {"bootstrap_servers": NOWHERE, "close_timeout_ms": 200},
    "audit": {"bootstrap_servers": NOWHERE, "close_timeout_ms": 200, "key": "str", "value": "json"},
}
