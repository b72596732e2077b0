"""`manage.py dekaf_check` and `manage.py dekaf_produce`."""
