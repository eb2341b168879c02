"""Tests of the package against a real daemon: the environment variable DAEMON has its path."""
