"""Stories of whole producers beside a fake cluster, each made from a seed, and what must hold at the end of every one.

`python -m tests.stories` plays as many as one likes; a failure names its seed and the command that repeats it.
"""
