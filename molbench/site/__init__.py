"""The pages of the boards: static files that open without a network, made from ``records.json``."""
