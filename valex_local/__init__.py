"""valex_local: which human values do short videos carry, found without any cloud."""
