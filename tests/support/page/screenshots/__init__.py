"""Pictures of the page in its main states, for docs/ and for a comparison with those.

- `held_model`: a model server whose answers are known, some without an end
- `stage`: a server and browsers of one look
- `tools`: what the agents there use
- `states`: the way into each state
- `look`: letters and a date that are the same on every machine
- `job_times`: times of jobs that are equal in every run
- `palette`: smaller files
- `pictures`: a picture without what differs between two runs
- `comparison`: how far two pictures differ

`python -m tests.support.page.screenshots` writes all pictures anew.
"""
