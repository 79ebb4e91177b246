"""Series of numbers: tables of text, Parquet and NumPy arrays, every number checked.

`panel` says what series are; `tables` reads columns, whatever the format, `arrays` those of NumPy;
`reading` makes series of them, and says where what is no number stands.
"""
