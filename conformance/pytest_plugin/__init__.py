"""The suite as a pytest run: one item a question, and how its row came out."""
