"""What stands before the routes: who is let in, how often, and what is said to the others."""
