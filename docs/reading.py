"""How hard a text is to read: the measure that the tests hold every patient's text to."""

import re

HARDEST = 8
"""Years of school."""


def grade(text: str) -> float:
    """Flesch–Kincaid: years of school, by words a sentence and vowel groups a word."""
    sentences = max(1, len(re.findall(r"[.?!]", text)))
    words = re.findall(r"[a-z']+|\d+", text.lower())
    syllables = sum(_syllables(word) for word in words)
    return 0.39 * len(words) / sentences + 11.8 * syllables / len(words) - 15.59


def _syllables(word: str) -> int:
    found = len(re.findall(r"[aeiouy]+", word))
    return max(1, found - (word.endswith("e") and not word.endswith("le")))
