"""The wire of imjoy-engine: what two peers say to each other, and nothing about how it travels.

    frames    one unit on every link, from bytes and to bytes
    codec     a frame's body: JSON with tags for what JSON cannot say, buffers kept beside it
    values    a Python value as a tree of the imjoy-rpc dialect, and back
    errors    whose fault it was

Nothing in here opens a socket, starts a task or reads a clock, and nothing imports numpy, torch,
PIL or zarr: those are looked up among the modules that the program has already loaded.
Runs on Python 3.8 and later.
"""
