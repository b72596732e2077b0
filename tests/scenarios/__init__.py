"""Stories of whole producers against a fake cluster, each through both faces."""
