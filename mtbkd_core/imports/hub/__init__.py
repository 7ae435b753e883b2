"""Data sets and models of the Hugging Face Hub, or folders as its libraries save them: the extra `hub`."""
