"""Notices: what a user's other tabs and devices are to know, beside the streams of generations.

- `board`: the newest notices of all users, in one order, and the readers who follow their own
- `notice`: the vocabulary of notices
- `observer`: makes a notice of what the jobs and titles of a process say
- `posting`: the place where notices are posted, for a process that has all jobs
"""
