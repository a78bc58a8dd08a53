"""Beside the decisions: samples read, scored and kept, and pairs made of them. It may fail, lag or drop; traffic and decisions go on."""
