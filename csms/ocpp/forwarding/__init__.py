"""Towards a second backend: one greenlet a charger reads the journal and speaks as the charger would."""
