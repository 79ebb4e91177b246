"""Texts and the sets that ship, are made on the spot, or are fetched.

Read in this order: `alphabet` (characters and their numbers), `text` (a file or a folder as one
array of numbers), `sets` (the named sets, and what a user's DATA means); then what these stand on:
`cache` (the user's cache folder), `archive` (unpacking without trust), `fetch` (pinned packages).
`tokenizer` numbers words and pieces of words, `published_tokenizer` reads those of others.
"""
