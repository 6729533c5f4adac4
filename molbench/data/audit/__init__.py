"""Whether split schemes separate what they say they separate."""
