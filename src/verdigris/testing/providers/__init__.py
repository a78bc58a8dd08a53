"""The APIs of five providers, played locally for tests: strict about requests, faithful in answers, without any model.

>>> from verdigris.testing.providers.app import Providers, Scripted
>>> from verdigris.testing.providers.serving import serving
>>> providers = Providers(Scripted(text="It is sunny.", input=20, output=5))
>>> with serving(providers) as url:  # an OpenAI client takes base_url=f"{url}/v1"
...     url.startswith("http://127.0.0.1:")
True
"""
