"""The shop in FastAPI, its services made by a container of dependency-injector."""
