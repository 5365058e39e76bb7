"""SQLite whose writers within a process take turns, in the order in which they came (`base`)."""
