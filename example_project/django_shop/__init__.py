"""The shop in Django, with async and sync views, under an ASGI or a WSGI server."""
