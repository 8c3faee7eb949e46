"""LLM generations as jobs that outlive the connection that started them."""
