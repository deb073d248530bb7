"""Tensors in, scores out: spatio-temporal encoder, fuzzy rules, heads; knows no people and no files."""
