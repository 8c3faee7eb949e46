"""What /inspect shows: the page's route for jobs, and who may look at whose.

- `replies`: bodies of the replies about jobs
- `routes`: the routes of jobs: a list, and one job with its times
"""
