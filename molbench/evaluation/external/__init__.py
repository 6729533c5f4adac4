"""Models of somebody else's, as they are: modules, functions, calculators, other environments."""
