"""The chargers' door: OCPP-J over websockets. Names of versions appear below here and nowhere else."""
