"""The plugin engine of ImJoy."""

__version__ = "0.1.0"
