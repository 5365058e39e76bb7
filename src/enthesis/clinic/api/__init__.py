"""The clinic's records over HTTP as FHIR R4: read `table.py` first, then `views.py`."""
