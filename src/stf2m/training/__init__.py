"""The outer loop with exact resume, and the bundle that it leaves."""
