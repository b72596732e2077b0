"""Tests of the way in for a record, and of a producer's life."""
