"""A model behind an endpoint at AWS: packaged, deployed, scaled, removed."""
