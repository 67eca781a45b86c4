"""Measurements, side by side in one run: `make bench`. docs/benchmarks.md says what they mean."""
