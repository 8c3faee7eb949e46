"""Connections to Redis: alone, behind sentinels, or as a cluster.

- `address`: LEGATO_REDIS_URL: which Redis, and what is said of one that cannot be used
- `client`: the worker threads in which Redis is spoken to, and its failures as StorageErrors
- `cluster`: a Cluster: every key has a slot, every slot a node, and slots move
- `commands`: Redis's commands as values, and what their replies say
- `exchange`: pipelines: many commands written to a server at once, then their replies read
- `line`: a connection on which Trio's own thread speaks: for what is small, frequent and urgent
- `lines`: lines to the servers that have the keys which are spoken of, followed where those move
- `nodes`: where commands go: to one server, to the master that Sentinels name, or into a Cluster
- `pools`: connections to Redis: the one place that calls what redis-py leaves without types
"""
