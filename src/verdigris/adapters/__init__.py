"""The plugs, one file or folder each, sorted by socket. No kind of plug knows another kind."""
