"""Errors, tables and intervals."""
