"""From a built dataset to batches."""
