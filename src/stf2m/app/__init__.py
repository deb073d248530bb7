"""Command line, personalisation, prediction and the Python face; no algorithms of its own."""
