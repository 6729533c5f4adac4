"""From representations to predictions."""
