from __future__ import annotations

from imjoy_engine.relay.routes import Route, Routes


def test_a_route_is_found_until_it_is_removed() -> None:
    routes = Routes()
    route = Route("w_1", "default", lambda frame: None)
    routes.add(route)
    assert routes.find("w_1") is route
    assert len(routes) == 1
    routes.remove("w_1")
    routes.remove("w_1")
    assert routes.find("w_1") is None
    assert len(routes) == 0
