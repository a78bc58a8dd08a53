"""Releases AI features safely."""
