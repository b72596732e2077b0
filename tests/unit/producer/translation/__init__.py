"""Tests of the producer room."""
