"""From an accepted socket to a request: who may connect, and what a connection's bytes may be."""
