"""File formats and data set folders in, recordings out; knows nothing of windows, filters or tasks."""
