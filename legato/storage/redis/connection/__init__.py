"""Connections to Redis: alone, behind sentinels, or as a cluster.

- `address`: LEGATO_REDIS_URL: which Redis, and the refusal of a URL that cannot be used
- `client`: worker threads with connections to Redis, and Redis's failures as StorageErrors
- `cluster`: a Cluster: every key has a slot, every slot a node, and slots move
- `commands`: Redis's commands as values, and the meaning of their replies
- `exchange`: pipelines: many commands written to a server at once, then their replies read
- `line`: a connection on Trio's own thread, for small, frequent and urgent commands
- `lines`: lines to the servers of the keys in use, followed when a key moves
- `nodes`: the destinations of commands: a server, a master named by Sentinels, or a Cluster
- `pools`: connections to Redis: the one place that calls redis-py's untyped parts
"""
