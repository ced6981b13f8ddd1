"""Doors to the outside world: follow the log, ring jobs, call banks and merchants' endpoints."""
