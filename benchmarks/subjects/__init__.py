"""What is measured. Each module has `opened(**options)`, a context manager that gives a `Subject`.

One process per subject runs it (`driver.py`), some of them in an interpreter of their own: modules
here import the standard library, what they measure, and nothing else.
"""
