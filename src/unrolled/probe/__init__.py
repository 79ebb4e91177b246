"""Looking inside: what a network does while it reads, and which of its units mean something.

`subject` is what is looked at, `examination` looks at everything in turn, `looking` makes a report
of it (`report/`). Text: `taps` hears the layers, `recorder` keeps what they did; `tracks`,
`languages` and `own_tracks` say what a text does; `association` and `units` find the unit that
follows each track, `linear` reads all units together, `effects` holds them (`clamping`), `alike`
groups them; `saturation`, `oracles` and `distances` look at gates and errors. Time: `gradients` and
`jacobians` look back; `omega` asks gradients not to fade.
"""
