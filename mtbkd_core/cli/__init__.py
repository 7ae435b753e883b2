"""The command line: `python -m mtbkd_core tasks | distill | compare | ...`; --help lists them.

Logs go to standard error; with --json the last line on standard output is one JSON object. Bad input ends with exit
status 2 and one line that names the field, the value and what is allowed.
"""
