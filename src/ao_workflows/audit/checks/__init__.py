"""The audit tests, one to a module."""
