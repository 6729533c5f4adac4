"""A built dataset on disk: what lies where, and how to tell that it is undamaged."""
