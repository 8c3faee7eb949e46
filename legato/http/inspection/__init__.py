"""Jobs for /inspect: their times and counts, and who may look at whose jobs.

- `replies`: bodies of the replies about jobs
- `routes`: the routes of jobs: a list, and one job with its times
"""
