"""A small sentence model (BERT of a few layers, such as all-MiniLM-L6-v2) read from a folder and run in numpy. Nothing is downloaded."""
