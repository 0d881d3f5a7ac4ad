"""The browser-facing edge: the only package that knows HTTP and Socket.IO."""
