"""Does the suite bite? Every fault, every legal variant and every mutant, and what was made of them."""
