"""Long runs that must end as they began: `make soak`."""
