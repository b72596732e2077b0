"""One folder per room of dekaf."""
