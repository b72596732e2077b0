"""The Django shop's settings, with the page's addresses beside its own."""

from __future__ import annotations

from example_project.django_shop.settings import *  # noqa: F403 # as settings are extended

ROOT_URLCONF = "example_project.page.django_urls"
