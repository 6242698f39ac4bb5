"""Reports for people: tables on a terminal, pictures, and the page that goes with a surrogate.

Nothing here computes anything about a model; it shows what the other stages found. Matplotlib is imported when
a picture is drawn, never before.
"""
