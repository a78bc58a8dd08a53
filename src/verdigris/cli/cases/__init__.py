"""Cases from the command line."""
