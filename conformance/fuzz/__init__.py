"""Asks what nobody wrote down: generated requests, the laws that every answer to them keeps, and the smallest one that
breaks a law, as a case file.
"""
