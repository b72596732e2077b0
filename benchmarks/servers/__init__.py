"""The web applications under load: the same endpoint with and without produce, for each client."""
