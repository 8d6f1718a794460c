"""Who is asked: how to reach a target, what it can do, which gaps it documents."""
