"""What the documentation says is run, and the page of options is up to date."""
