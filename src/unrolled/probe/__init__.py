"""Looking inside: what a network does while it reads, and which of its units mean something.

`taps` hears the layers of any network, `recorder` lets one read a text and keeps what they did;
`tracks` and `languages` say what a text does, `association` how closely units follow it, and
whether chance could; `units` finds for each track the best unit, and `clamping` holds units at a
level, to see what depends on them.
"""
