"""Where conversations and messages are kept."""
