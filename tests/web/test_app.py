"""Every answer under the same headers, every refusal a problem, and a part that is away costs nothing accepted."""

from __future__ import annotations

import secrets
import socket
import threading
from collections.abc import Iterator
from dataclasses import replace

import msgspec
import pytest
from werkzeug.serving import make_server

from ledger.store import Ledger
from projections.database import open_reader
from tests.web.stage import OPERATOR_KEYS, Stage, problem, said, settings
from tests.web.test_health import NO_MONGO, NO_MYSQL
from web.app import create_app
from web.routes import ROUTES, Call, Route


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nothing", 404, "no-such-address"),
        ("GET", "/live/", 404, "no-such-address"),
        ("GET", "/v1//payouts", 404, "no-such-address"),
        ("GET", "/v1/payouts/a/b", 404, "no-such-address"),
        ("PUT", "/live", 405, "method-not-allowed"),
        ("POST", "/live", 405, "method-not-allowed"),
        ("DELETE", "/v1/payouts", 405, "method-not-allowed"),
        ("OPTIONS", "/v1/payouts", 405, "method-not-allowed"),
        ("TRACE", "/v1/payouts", 405, "method-not-allowed"),
    ],
)
def test_an_address_or_method_that_is_not_there_is_a_problem(
    shared_stage: Stage, method: str, path: str, status: int, code: str
) -> None:
    answer = shared_stage.ask(method, path)
    assert problem(answer)[:2] == (status, code)
    assert answer.mimetype == "application/problem+json"
    if status == 405:
        assert answer.headers["Allow"]


def test_every_answer_carries_the_same_headers(stage: Stage) -> None:
    for path in ("/", "/live", "/nothing", "/v1/payouts"):
        headers = stage.ask("GET", path).headers
        assert headers["Socai-Version"]
        assert headers["Content-Security-Policy"] == "default-src 'none'; frame-ancestors 'none'"
        assert headers["Referrer-Policy"] == "no-referrer"
        assert "Set-Cookie" not in headers


def test_a_public_address_under_https_keeps_browsers_there(stage: Stage) -> None:
    secure = msgspec.structs.replace(stage.services.settings, public_url="https://pay.test")
    answer = Stage(replace(stage.services, settings=secure), stage.clock).ask("GET", "/live")
    assert "max-age" in answer.headers["Strict-Transport-Security"]


def test_every_request_has_an_id_of_its_own_that_refusals_repeat(stage: Stage) -> None:
    answers = [stage.ask("GET", "/nothing", headers={"Request-Id": "mine"}) for _ in range(2)]
    ids = [answer.headers["Request-Id"] for answer in answers]
    assert ids == [said(answer)["request_id"] for answer in answers]
    assert len({*ids, "mine"}) == 3


def test_the_id_of_the_request_is_the_correlation_id_of_its_events(stage: Stage) -> None:
    shop = stage.shop()
    body = {"amount": 5, "currency": "VND"}
    answer = stage.ask("POST", "/v1/payment-intents", body, bearer=shop.keys["owner"])
    last = list(stage.services.ledger.follow())[-1]
    assert last.correlation_id == answer.headers["Request-Id"]
    assert last.actor.startswith(f"merchant:{shop.id}/key:ak_")


def test_who_is_not_known_learns_nothing_of_the_rest_of_the_request(stage: Stage) -> None:
    for raw in (b"{", b"{}", b"\xff"):
        answer = stage.ask("POST", "/v1/payouts", raw=raw, key="")
        assert problem(answer) == (401, "api-key-invalid", "Authorization")


@pytest.fixture
def broken(stage: Stage) -> Iterator[Stage]:
    """A stage with one more route, whose view has a bug."""

    def view_with_a_bug(call: Call) -> None:
        raise RuntimeError("planted detail")

    like = next(route for route in ROUTES if route.name == "live")
    planted: Route = replace(like, path="/planted", view=view_with_a_bug)  # type: ignore[arg-type]  # it never answers
    ROUTES.append(planted)
    yield stage
    ROUTES.remove(planted)


def test_a_bug_is_told_without_detail(broken: Stage) -> None:
    answer = create_app(broken.services).test_client().get("/planted")
    assert answer.status_code == 500
    assert b"planted detail" not in answer.data
    assert said(answer)["code"] == "internal-error"
    assert said(answer)["request_id"] == answer.headers["Request-Id"]


def test_an_event_store_that_is_away_is_said_and_nothing_else_is_hurt(stage: Stage) -> None:
    shop = stage.shop()
    away = replace(stage.services, ledger=Ledger.open(settings(NO_MONGO, "sqlite://"), secrets.token_bytes))
    body = {"amount": 5, "currency": "VND"}
    answer = Stage(away, stage.clock).ask("POST", "/v1/payment-intents", body, bearer=shop.keys["owner"], key="k")
    assert problem(answer)[:2] == (503, "event-store-unavailable")
    assert int(answer.headers["Retry-After"]) > 0
    again = stage.done("POST", "/v1/payment-intents", body, bearer=shop.keys["owner"], key="k")
    assert again["amount"] == 5


def test_read_tables_that_are_away_stop_no_command(stage: Stage) -> None:
    shop = stage.shop()
    away = Stage(replace(stage.services, reader=open_reader(NO_MYSQL)), stage.clock)
    answer = away.ask("GET", "/v1/payment-intents", bearer=shop.keys["reader"])
    assert problem(answer)[:2] == (503, "read-tables-unavailable")
    assert int(answer.headers["Retry-After"]) > 0
    intent = away.intent(shop)
    assert away.pays(intent["code"]).status_code == 200
    stage.project()
    shown = stage.done("GET", f"/v1/payment-intents/{intent['id']}", bearer=shop.keys["reader"])
    assert shown["status"] == "paid"


def test_a_redis_that_is_away_stops_nothing(stage: Stage) -> None:
    assert stage.services.settings.redis_url.endswith(":9/0")
    intent = stage.intent(stage.shop())
    assert stage.pays(intent["code"]).status_code == 200


def test_a_body_that_is_cut_off_on_the_wire_is_refused(stage: Stage) -> None:
    server = make_server("127.0.0.1", 0, stage.app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    head = stage.services.ledger.head()
    try:
        with socket.create_connection(("127.0.0.1", server.server_port), timeout=10) as connection:
            connection.sendall(
                b"POST /v1/merchants HTTP/1.1\r\nHost: pay.test\r\nContent-Type: application/json\r\n"
                b"Idempotency-Key: k\r\nContent-Length: 500\r\n"
                b"Authorization: Bearer " + OPERATOR_KEYS["admin"].encode() + b'\r\n\r\n{"name": "Ma'
            )
            connection.shutdown(socket.SHUT_WR)
            answer = b"".join(iter(lambda: connection.recv(65_536), b""))
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    assert b" 400 " in answer.splitlines()[0]
    assert b"unreadable-body" in answer
    assert stage.services.ledger.head() == head
