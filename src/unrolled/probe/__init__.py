"""Looking inside: what a network does while it reads, and which of its units mean something.

`taps` hears the layers of any network, `recorder` lets one read a text and keeps what they did;
`association` says how closely units follow what a text does, and whether chance could.
"""
