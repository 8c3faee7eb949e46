"""Jobs as their users may look at them: when each thing came, how much, and who reads.

- `listing`: the timelines of the jobs that a process has, without waking or waiting
- `timeline`: a job's times and counts, without a word of the job's question or answer
"""
