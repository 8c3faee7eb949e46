"""HTTP: parse, ask, respond.  No business rules."""
