"""What the machine has: GPUs, processors, memory."""
