"""Mistakes that other clients made in public, and that we do not make: `pytest -m mistake` runs every test of one."""
