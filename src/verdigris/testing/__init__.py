"""For whoever writes tests: builders of model values, and one contract suite per socket. Imports no plug."""
