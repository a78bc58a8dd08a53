"""Users who stick by a cookie: the same user in routing, in the log and in copies. Real Envoy, real HTTP."""

import pytest

from support.copies import CopiedGateway
from verdigris.adapters.samples.ext_proc.told import units
from verdigris.core.model.split import Sticky

pytestmark = pytest.mark.real

COOKIES = {
    "alice": ["{}=alice", "theme=dark; {}=alice; x{}=bob", '{}="alice"', "{}=bob;{}=alice", "a=b;\t{}=alice"],
    "a=b": ["{}=a=b"],
    "größe": ["{}=größe"],
    None: ["x{}=alice", "theme=dark", "{}=", ""],
}


@pytest.mark.parametrize("name", ["sid", "__Host-s.id", "o'clock"])
def test_a_user_is_the_same_wherever_the_cookie_is_read(tmp_path, name):
    sticky = Sticky(source="cookie", name=name)
    with CopiedGateway(tmp_path, sticky=sticky, source={"sticky": sticky}) as gateway:
        gateway.sample(1.0, 1.0)
        gateway.apply(50.0, sticky=sticky, salt="s")
        for user, cookies in COOKIES.items():
            wanted = units(Sticky(source="header", name="u"), service="summarizer")({"u": user} if user else {})
            sides = set()
            for cookie in cookies:
                said = cookie.replace("{}", name)
                sides.add(gateway.get(headers={"cookie": said} if said else {}).headers["x-deploy-env"])
                assert gateway.observations(1)[0].unit == wanted, said
                assert gateway.copied(1)[0].unit == wanted, said
            assert user is None or len(sides) == 1
