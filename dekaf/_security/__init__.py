"""Secure connections without I/O on any connection: what is said to prove an identity, and what TLS is made of."""
