"""What is measured, each in a process of its own (`driver.py`).

`opened(**options)` of a module gives a `Subject` that carries calls (`workloads.py`),
`hosting(**options)` a `Host` that starts plugins (`lives.py`). Some run in an interpreter of their
own: modules here import the standard library, what they measure, and nothing else.
"""
