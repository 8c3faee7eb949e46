"""OpenAI's Chat Completions.

- `bodies`: what clients of Chat Completions send and get
- `completions`: OpenAI's Chat Completions: messages in, their answer out, whole or chunk by chunk
- `jobs`: what OpenAI's Chat Completions has not: to come back to a generation, and to stop it
- `messages`: the messages of a request to Chat Completions: checked as far as all providers agree
- `prompts`: a request to Chat Completions as the turn it asks for
"""
