"""The door (contract 6): what a file is, decided in one place for every way in."""
