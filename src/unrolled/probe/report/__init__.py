"""The report: what was seen, as one page that needs no network; `shown` is what all can do.

Of networks that predict a text: `words` says it in sentences, `charts` draws it (Altair),
`passages` colours text, `content` puts all of it into JSON, and `page` makes one HTML file of that
and of what lies in `assets/`. Of models that answer sentences: `static` is a page without a script,
made of `texts` whose words are coloured, of tables, and of charts.
"""
