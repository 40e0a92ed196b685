"""Estates with known truth, measured and judged as the agent does it: no I/O, no clock.

`truth` is what is really so, `network` what an agent there sees and believes, `judge` holds one against the other, and
`scenarios` makes both at random from a seed.
"""
