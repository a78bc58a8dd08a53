"""Lines of the access log as Envoy writes them: a good one, and changes to it by field."""

from verdigris.adapters.line import INNER, SEPARATOR, Answer, Field

GOOD = {
    Field.ENVIRONMENT: "blue",
    Field.STATUS: "200",
    Field.FLAGS: "-",
    Field.RELEASE: "r-1",
    Field.DURATION_US: "1500000",
    Field.DURATION_MS: "1500",
    Field.FIRST_BYTE_US: "250000",
    Field.REQUEST_BYTES: "10",
    Field.RESPONSE_BYTES: "20",
    Field.ANSWER: "-",
    Field.KEY: "-",
}
BLANK = dict.fromkeys(Answer, "-")


def line(**changes):
    fields = {**GOOD, **{Field[name]: value for name, value in changes.items()}}
    return SEPARATOR.join(fields[field] for field in sorted(fields)).encode()


def answer(**changes):
    fields = {**BLANK, **{Answer[name]: value for name, value in changes.items()}}
    return INNER.join(fields[field] for field in sorted(fields))
