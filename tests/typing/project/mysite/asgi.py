"""The ASGI application: it drains the producers at the end of the server's lifespan."""

from __future__ import annotations

import os

from dekaf.contrib.django.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mysite.settings")
application = get_asgi_application()
