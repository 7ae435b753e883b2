"""Proteins: their descriptors, and what is known of amino acids."""
