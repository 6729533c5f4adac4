"""From raw files to a built dataset."""
