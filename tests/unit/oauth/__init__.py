"""Tests of the token server that other tests stand on."""
