"""Web servers that are told to stop, each in every way it may be: what was answered for, and what is delivered."""
