"""Tests of `flowgate/accounts`."""
