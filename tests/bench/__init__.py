"""Benchmarks: ratios taken in one run on one machine. Never a test of time."""
