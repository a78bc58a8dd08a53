"""For every test: the shipped contract suites show their values when they fail, as tests do."""

import pytest

pytest.register_assert_rewrite("verdigris.testing")
