"""The upkeep of a database: what ``smithkit db`` does."""
