"""The report: what was seen of one or more networks, as one page that needs no network.

`words` says it in sentences, `charts` draws it (Altair), `passages` colours text, `content` puts
all of it into JSON, and `page` makes one HTML file of that and of what lies in `assets/`.
"""
