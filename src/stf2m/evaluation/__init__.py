"""Protocols, floors, metrics, statistics, studies and the report."""
