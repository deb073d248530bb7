"""The commands of the command line, by what they are about: each parses and calls, and computes nothing."""
