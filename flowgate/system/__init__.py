"""Access to the machine: files, processes, sockets, HTTP, clock."""
