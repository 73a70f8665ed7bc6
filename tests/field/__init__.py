"""The field: lines as people type them, on a host as people have it, judged and then really run.

`preflight.json` holds lines with what they lost when they were run, `everyday.json` lines that nobody should be asked
about. `host.py` boots the host, `judging.py` judges every line, `trial.py` runs lines and compares by content.
`record.py` takes a picture of the host, so that the verdicts of all lines are a quick test: `python -m field`.
"""
