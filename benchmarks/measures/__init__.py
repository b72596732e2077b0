"""The ways to take one sample: a client process, Java's own tool, a web server under load, an import."""
