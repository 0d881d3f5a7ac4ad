"""What other processes of a plugin find on their `sys.path`: the plugin itself."""
