"""Scripted models that do not do as they are asked, to show that no server is blamed for it."""
