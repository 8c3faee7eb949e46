"""Figures that the documentation states, each by a script that prints its conditions."""
