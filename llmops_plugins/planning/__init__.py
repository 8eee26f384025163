"""Plans: a request as tasks, each given to the expert that fits, run as soon as it can be."""
