"""OpenAI's Chat Completions.

- `bodies`: bodies of requests and replies of Chat Completions
- `choices`: several choices of one completion (`n`): a generation for each, put together at the end
- `completions`: OpenAI's Chat Completions: messages in, an answer out, whole or chunk by chunk
- `functions`: functions, the form of tools before there were tools: requests in the form of today
- `jobs`: routes beyond OpenAI's Chat Completions: to follow a completion again, and to cancel
- `messages`: the messages of a request to Chat Completions: checked as far as all providers agree
- `prompts`: the turn that a request to Chat Completions asks for
"""
