"""Tests of the room that fetches OAuth tokens."""
