"""Django's SQLite, where writers wait for their turn."""
