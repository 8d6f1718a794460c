"""Decides: rules of the wire, effects, and the verdict that follows from the facts."""
