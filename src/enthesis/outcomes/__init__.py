"""Many courses → outcomes: tables, cohorts, models, safety, reports. Never called an effect."""
