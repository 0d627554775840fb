"""The MOF transformer: its data, its tables and figures, and the faults of its public code."""
