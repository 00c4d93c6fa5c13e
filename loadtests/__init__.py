"""Load tests and benchmarks: each `bench_<name>.py` is a script of its own, on loopback, bounded.

`--json` ends the output with one JSON line; `python -m loadtests.run_all` runs them all and
writes docs/performance.md.
"""
