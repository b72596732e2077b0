"""A Django project whose Kafka would be a real one."""

from __future__ import annotations

SECRET_KEY = "for tests"
INSTALLED_APPS = ["django.contrib.contenttypes", "django.contrib.auth", "dekaf.contrib.django", "channels"]
ROOT_URLCONF = "tests.styles.django_project.urls"
ASGI_APPLICATION = "tests.styles.django_project.asgi.application"
ALLOWED_HOSTS = ["*"]
USE_TZ = True
STATIC_URL = "static/"
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}
DEKAF = {
    "default": {"bootstrap_servers": "kafka.invalid:9092", "key": "str", "value": "json"},
    "audit": {"bootstrap_servers": "audit.invalid:9092"},
}
