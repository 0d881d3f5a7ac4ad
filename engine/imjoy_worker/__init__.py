"""Runs inside a plugin's own interpreter and lets its code be called. Nothing is installed there.

    __main__    the command
    greeting    connect and say hello, before anything large is imported
    later       modules that are read only when they are needed
    life        from the engine's welcome to the end of the process
    link        the socket to the engine, with threads of its own
    worker      what the peer of the RPC sees of this process; who is there, when to leave
    dispatch    where a call runs: the plugin's loop, or a thread of its pool
    choice      which function runs where
    coroutines  what is awaited, told without `inspect`
    executors   the loop and the pool of threads
    processes   the pool of processes; child is such a process, child_api its `api`
    pickles     calls and results between them
    scripts     the plugin's scripts, for its other processes; children is where they import them
    promise     what a call of another peer's function returns
    loader      a plugin's scripts as one module with its own lines
    api         the object `api` that plugins know
    modules     `from imjoy import api` and `from imjoy_rpc import api`
    tools       the part of `api.utils` that is local
    tracebacks  errors without our own lines
    stdio       prints that appear at once, whatever is in them

It is shipped as one zip file together with `imjoy_wire`, and runs on Python 3.8 and later.
"""
