"""For WSGI servers: `gunicorn --preload --worker-class gthread example_project.django_shop.wsgi:application`."""

from __future__ import annotations

import os

from django.core.wsgi import get_wsgi_application

from example_project.django_shop.startup import freeze_startup_objects

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "example_project.django_shop.settings")

# Django's own is fine here: WSGI servers end their workers in a way that runs exit hooks, and dekaf has one.
application = get_wsgi_application()

# With --preload this runs before the fork: no collection in a worker will write to the pages it shares with others.
freeze_startup_objects()
