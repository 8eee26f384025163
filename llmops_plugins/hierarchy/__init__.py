"""An assistant hierarchy: the cheapest that can, and what every solved request teaches the cheaper ones."""
