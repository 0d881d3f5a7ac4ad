"""Measurements of the engine beside the floor, as ratios of the same run.

`python -m benchmarks` runs them. What a floor is and how to read the table: docs/benchmarks.md.
"""
