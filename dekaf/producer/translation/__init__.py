"""Configurations of other clients as they are: tables of what each of their options becomes here."""
