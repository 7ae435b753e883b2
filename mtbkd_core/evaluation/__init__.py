"""What a posterior is worth: each file answers one question."""
