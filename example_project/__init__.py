"""A coffee shop in FastAPI and the same one in Django, and a demo that runs both: `python -m example_project`."""
