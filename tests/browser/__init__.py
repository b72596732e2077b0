"""The example's page in a real browser."""
