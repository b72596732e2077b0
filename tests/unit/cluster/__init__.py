"""Tests of what the client knows of the cluster."""
