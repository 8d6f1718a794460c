"""The questions: reads cases, surface, fixtures and profiles from YAML into frozen values."""
