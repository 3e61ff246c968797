"""Gold tags and predicted tags come in, scores go out.

`metrics.py` scores tags on gold tokens, `raw_scores.py` from raw text.
`calibration.py` finds what makes probabilities fit, and `report_page.py` draws and writes the page of errors. Start in
`metrics.py`.
"""
