"""Students: networks batched over chains, a kind a file."""
