"""Files of a user's own with labels; which column, property or array is a label is an option."""
