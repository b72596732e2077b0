"""The tests of dekaf; a package so that they can share `tests.kafka`."""
