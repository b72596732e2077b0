"""Three real brokers behind proxies, harmed for minutes while both faces produce; then every record is looked for."""
