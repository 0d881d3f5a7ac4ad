"""Who is where, and the way of a frame from one peer to another."""
