"""How a day is written in English, as the core writes it (journey/lines.py): 27 Nov 2026, which
nobody reads as another day. In Spanish the core writes it as Django does."""

DATE_FORMAT = "j M Y"
