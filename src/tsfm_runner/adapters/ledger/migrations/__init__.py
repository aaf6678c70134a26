"""How the tables of the ledger came about, one step a file."""
