"""Tests of what secure connections say, and what TLS is made of."""
