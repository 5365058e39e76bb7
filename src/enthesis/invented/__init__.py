"""An invented clinic whose truth is known: a seeded simulator, pure, apart from every real record.

Read `truth.toml` first (every true parameter), then `clinic.py` (how a clinic comes out of it).
"""
