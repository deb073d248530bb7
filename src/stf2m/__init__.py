"""Personal, readable, fine-grained emotion recognition from a few labelled seconds (ST-F2M)."""

__version__ = "0.1.0"
