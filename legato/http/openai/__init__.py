"""OpenAI's two APIs, each generation a job like any other."""
