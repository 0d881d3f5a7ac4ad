"""Others that start a worker: each script starts one for every line it reads, and prints how long.

They run in environments of their own, so they import nothing of ours.
"""
