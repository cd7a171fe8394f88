"""What became of a run, for people: the record `run.json` and one page, `index.html`.

model      what a run is: beds, checks, spans of time, files of evidence
run_file   run.json, written and read
timings    what the engine noted about its own time, where it did
evidence   the files that a bed has left, each with a part that is shown
picture    screenshots, made small enough to be shown
text       what a guest or a traceback says, fit for a page
timeline   when each bed did what, as bars on one axis
page       all of that as HTML
index      reads, renders and writes index.html
"""
