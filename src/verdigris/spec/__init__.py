"""The file a user writes, verdigris.yaml: text to checked document to model values, and back to words.

It reads files and the environment only where a caller hands them in; it knows no plug and starts nothing.
"""
