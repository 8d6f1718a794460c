"""The laws of the wire: a closed list of small functions, each with its level, row and source."""
