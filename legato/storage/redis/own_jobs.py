"""A replica's own knowledge of its jobs, beside the knowledge of Redis."""

from collections.abc import Iterable, Mapping

from msgspec import Struct

from legato.storage.contracts.replication import JobInfo


class Own(Struct, frozen=True):
    """`info` is None for a job never entered in the directory."""

    epoch: int
    info: JobInfo | None


class OwnJobs:
    """Jobs entered here or taken over.

    Read and changed on Trio's thread alone: worker threads are handed copies, and their findings
    are noted after their return.
    """

    def __init__(self) -> None:
        self._jobs: dict[str, Own] = {}

    def note(self, job_id: str, epoch: int, info: JobInfo | None) -> None:
        """Keep the newest listing, which knows the job's place, and the latest epoch."""
        known = self._jobs.get(job_id, Own(0, None))
        self._jobs[job_id] = Own(max(epoch, known.epoch), info or known.info)

    def drop(self, job_ids: Iterable[str]) -> None:
        for job_id in job_ids:
            self._jobs.pop(job_id, None)

    def epoch(self, job_id: str) -> int:
        """The job's epoch; 0 for a job that is not known here."""
        return self._jobs[job_id].epoch if job_id in self._jobs else 0

    def epochs(self) -> Mapping[str, int]:
        return {job_id: own.epoch for job_id, own in self._jobs.items()}

    def infos(self, job_ids: Iterable[str]) -> Mapping[str, JobInfo]:
        known = ((job_id, self._jobs.get(job_id)) for job_id in job_ids)
        return {job_id: own.info for job_id, own in known if own and own.info}
