"""Cases: declared inputs with what their answers must hold; read from files, asked of an endpoint, scored.

It knows no plug but by name and no transport but the Resender it is handed.
"""
