"""Sampling knows nothing of the split, and the split nothing of sampling. Real Envoy, real HTTP, real copies.

Sizes are fixed; bounds are p values of 1e-6, so that a right gateway fails once in a million runs, and one that draws both
from the same number fails always: then a cell of the table is empty.
"""

from collections import Counter

import pytest
from scipy import stats

from support.copies import CopiedGateway
from support.gateway import STICKY
from verdigris.core.model.split import Sticky

pytestmark = pytest.mark.real

SURE = 1e-6
MANY = 3_000
COOKIE = Sticky(source="cookie", name="session")


@pytest.fixture(scope="module")
def gateway(tmp_path_factory):
    with CopiedGateway(
        tmp_path_factory.mktemp("gateway"), source={"capacity": 100_000, "calls": 1_000}, concurrency=2
    ) as gateway:
        yield gateway


def user(number):
    return {"x-user-id": f"user-{number}"}


def cookie(number):
    return {"cookie": f"theme=dark; session=user-{number}"}


WAYS = [
    pytest.param(None, lambda _: {}, id="by lot"),
    pytest.param(STICKY, user, id="by header"),
    pytest.param(COOKIE, cookie, id="by cookie"),
    pytest.param(STICKY, lambda _: {}, id="without the key"),
]


@pytest.mark.parametrize(("sticky", "headers"), WAYS)
def test_samples_are_independent_of_the_split(gateway, sticky, headers):
    gateway.apply(50.0, sticky=sticky, salt="independence")
    gateway.sample(0.5, 0.5)
    drawn = gateway.asked(MANY, headers)
    assert stats.chi2_contingency(drawn.table).pvalue > SURE, drawn.table
    assert stats.binomtest(len(drawn.copies), MANY, 0.5).pvalue > SURE
    assert stats.binomtest(sum(drawn.table[1]), MANY, 0.5).pvalue > SURE


@pytest.mark.parametrize(("sticky", "headers"), WAYS)
def test_both_sides_give_as_many_samples_at_unequal_weights(gateway, sticky, headers):
    gateway.apply(10.0, sticky=sticky, salt="equal")
    gateway.sample(0.1, 0.9)
    drawn = gateway.asked(MANY, headers)
    (blue, _), (green, _) = drawn.table
    assert stats.binomtest(green, blue + green, 0.5).pvalue > SURE
    for (copied, passed), share in zip(drawn.table, (0.1, 0.9), strict=True):
        assert stats.binomtest(copied, copied + passed, share).pvalue > SURE
    assert stats.binomtest(sum(drawn.table[1]), MANY, 0.1).pvalue > SURE


def test_any_order_of_shares_is_kept_where_users_stick(gateway):
    for blue, green in ((0.75, 0.2), (0.3, 0.3), (1.0, 0.05), (0.0, 0.4)):
        gateway.apply(50.0, sticky=STICKY, salt="orders")
        gateway.sample(blue, green)
        drawn = gateway.asked(1_000, user)
        for (copied, passed), share in zip(drawn.table, (blue, green), strict=True):
            assert stats.binomtest(copied, copied + passed, share).pvalue > SURE


def test_not_always_the_same_users_are_copied(gateway):
    """Each of 40 users asks 50 times; the copies of each are as many as a fair draw gives."""
    gateway.apply(50.0, sticky=STICKY, salt="same")
    gateway.sample(0.5, 0.5)
    users, each = 40, 50
    drawn = gateway.asked(users * each, lambda number: user(number % users))
    copied = Counter(copy.request_headers["x-user-id"] for copy in drawn.copies.values())
    counts = [copied[f"user-{number}"] for number in range(users)]
    table = [[count, each - count] for count in counts]
    assert stats.chi2_contingency(table).pvalue > SURE, counts


def test_tapping_moves_no_user(gateway):
    users = 300

    def sides():
        return list(gateway.asked(users, user).environments.values())  # in the order of the users

    on_green: set[int] = set()
    for weight in (5.0, 12.5, 50.0, 99.99):
        gateway.tap_nothing()
        gateway.apply(weight, sticky=STICKY, salt="moves")
        before = sides()
        for blue, green in ((0.5, 0.5), (0.01, 0.9), (1.0, 1.0)):
            gateway.sample(blue, green)
            assert sides() == before
        now = {number for number, side in enumerate(before) if side == "green"}
        assert on_green <= now
        on_green = now
    assert len(on_green) > users * 0.9


def test_weights_are_exact_where_shares_are_small(gateway):
    """The split in force has the same hundredths, whatever is copied."""
    for share in (0.00001, 0.33333, 0.99999):
        gateway.sample(share, share)
        for weight in (0.01, 33.33, 99.99):
            gateway.apply(weight)
            seen = gateway.run(gateway.driver.observe())
            assert seen.split.weights == {"green": weight, "blue": round(100 - weight, 2)}
