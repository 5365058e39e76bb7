"""The sections of the report, a file for each kind of question; `report.py` puts them together."""
