"""Acceptance tests of the command line."""
