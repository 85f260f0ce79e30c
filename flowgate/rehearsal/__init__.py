"""Outage rehearsals: a private copy of a profile with fake vendors, compared with what the profile promises."""
