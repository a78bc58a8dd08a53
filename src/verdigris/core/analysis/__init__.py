"""What the observations prove: Observations are folded into a Ledger, and the judge turns a Ledger into a Verdict.

Pure: nothing here asks the clock, draws lots or touches a file. A raw request is never asked for again.

    >>> from verdigris.core.analysis.judge import judge
    >>> from verdigris.core.analysis.ledger import Ledger
    >>> from verdigris.core.model.metric import DEFAULT_GUARDRAILS
    >>> from verdigris.core.model.observation import Observation
    >>> ledger = Ledger.begin(
    ...     guardrails=DEFAULT_GUARDRAILS, stable="blue", candidate="green", sticky=False, baseline=None
    ... )
    >>> ledger.expect(at=0.0, share=0.5)
    >>> ledger.fold(
    ...     [
    ...         Observation(
    ...             at=1.0 + i / 100, environment=("blue", "green")[i % 2], status=(200, 503)[i % 2], duration=0.2
    ...         )
    ...         for i in range(400)
    ...     ]
    ... )
    >>> verdict = judge(ledger, at=5.0)
    >>> verdict.outcome.value
    'fail'
    >>> verdict.reason
    'error_rate rose by 100.00 points (0.00 % → 100.0 %); proven worse (evidence over 10,000 of 20 needed)'
"""
