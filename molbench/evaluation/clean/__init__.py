"""Scores of the test records that pretraining has not seen, from stored predictions alone."""
