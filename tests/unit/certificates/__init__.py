"""Tests of the certificates that other tests stand on."""
