"""Review on a local web page: people look at what was predicted, correct it, and get ground truth out.

rows.py        the rows of a table, or the videos of a folder, with their predictions
decisions.py   what people say of a row, folded from events
store.py       the events, in an SQLite file beside the table
truth.py       the decisions as truth.csv
session.py     all of these together, safe for several threads
overlay.py     poses of a row, for drawing
retraining.py  train on what was decided, and label the rest again
proxies.py     copies of videos that browsers do not play
guard.py       who may ask the server
server.py      what a page can ask it
static/        the page: HTML, CSS and ES modules, without a build step
"""
