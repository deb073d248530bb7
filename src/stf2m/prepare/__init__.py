"""Recordings in, cleaned, graded, described and cut segments out; knows nothing of learning."""
