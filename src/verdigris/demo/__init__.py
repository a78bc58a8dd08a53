"""The first five minutes: a simulated AI app, simulated users, and a run that releases two versions of it.

Everything in this folder is simulated and says so. What it drives is real: gateway, controller, store and judge
are started as anybody would start them and asked only through the public API.
"""
