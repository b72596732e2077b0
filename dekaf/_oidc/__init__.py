"""Get OAuth tokens from an endpoint or a file. Everything here may block, and runs on the login thread."""
