"""FHIR R4 (4.0.1): one patient's dossier as resources, and resources as a dossier."""
