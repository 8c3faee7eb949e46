"""A job is a task: it owns one generation, its log, its readers and its ending."""
