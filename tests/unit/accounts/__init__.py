"""Tests of `flowgate/auth`."""
