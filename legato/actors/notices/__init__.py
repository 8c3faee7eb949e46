"""Notices: news of jobs and conversations for all tabs and devices of a user.

- `board`: the newest notices of all users in order, and the readers, each for a single user
- `notice`: the vocabulary of notices
- `observer`: makes a notice of what the jobs and titles of a process say
- `posting`: the place where notices are posted, for a process that has all jobs
"""
