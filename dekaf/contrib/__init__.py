"""Adapters for frameworks; each needs its extra, such as `pip install dekaf[django]`, and knows none of the others."""
