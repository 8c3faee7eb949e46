"""The names of all keys in Redis.

Keys changed in one step stand in one slot of a Cluster: a job's stream is one key, and all
directory entries of a user have one hash tag.  An id may hold any character; each id ends its key,
and no key can be taken for another.
"""

from hashlib import sha256
from typing import Final

DAY: Final = 24 * 3600
"""Seconds for which a key is kept that nobody works on any more."""


class Keys:
    def __init__(self, prefix: str) -> None:
        self._prefix = prefix

    def job(self, job_id: str) -> bytes:
        """Stream: all about a job."""
        return f"{self._prefix}:job:{{{job_id}}}".encode()

    def owner(self, replica: str) -> bytes:
        """Set: the ids of a replica's jobs.  In here first and out of here last."""
        return f"{self._prefix}:owner:{{{replica}}}".encode()

    def inbox(self, replica: str) -> bytes:
        """Stream: packets to a replica."""
        return f"{self._prefix}:inbox:{{{replica}}}".encode()

    @property
    def replicas(self) -> bytes:
        """Hash: replica -> the replica's sign of life, or `left`."""
        return f"{self._prefix}:replicas".encode()

    @property
    def birth(self) -> bytes:
        """Hash: `token`, and `whole` once all have told.  In the same slot as the signs of life."""
        return f"{{{self._prefix}:replicas}}:birth".encode()

    @property
    def notices(self) -> bytes:
        """Stream: the notices of all replicas."""
        return f"{self._prefix}:notices".encode()

    def notices_written(self, replica: str) -> bytes:
        """String: the number of a replica's last batch.  In the same slot as the notices."""
        return f"{{{self._prefix}:notices}}:written:{replica}".encode()

    @property
    def bans(self) -> bytes:
        """Sorted set: bans, by their ends."""
        return f"{self._prefix}:bans".encode()

    def window(self, name: str) -> bytes:
        """String: the count of a client's requests in a window of time, expiring with it."""
        return f"{self._prefix}:window:{name}".encode()

    def conversation(self, user: str, conversation_id: str) -> bytes:
        """Hash: job id -> stage, place in the order of starts, listing."""
        return self._of(user, f"conv:{conversation_id}")

    def request(self, user: str, request_id: str) -> bytes:
        """String: the listing of the job that this request started."""
        return self._of(user, f"request:{request_id}")

    def running(self, user: str) -> bytes:
        """Hash: job id -> conversation id, for jobs without an ending."""
        return self._of(user, "running")

    def queue(self, user: str) -> bytes:
        """Hash: job id -> rank, for queued turns of all the user's conversations."""
        return self._of(user, "queue")

    def _of(self, user: str, rest: str) -> bytes:
        tag = sha256(user.encode()).hexdigest()[:32]
        return f"{self._prefix}:{{{tag}}}:{rest}".encode()
