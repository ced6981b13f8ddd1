"""The replica sets of the local stage are real ones: they elect, fail over, remember and move."""

from __future__ import annotations

from pathlib import Path

from pymongo import MongoClient

from local.mongodb import ReplicaSet


def test_three_nodes_elect_another_primary_when_one_is_killed_and_take_it_back(tmp_path: Path) -> None:
    with ReplicaSet(tmp_path, nodes=3, election_ms=1_000) as mongo:
        killed = mongo.primary()
        killed.kill()
        heir = mongo.wait_for_primary()
        assert heir is not killed
        killed.start()
        killed.wait_until(killed.has_the_data)


def test_a_paused_set_answers_again_when_resumed(tmp_path: Path) -> None:
    with ReplicaSet(tmp_path) as mongo:
        mongo.pause()
        assert not mongo.nodes[0].answers()
        mongo.resume()
        assert mongo.wait_for_primary() is mongo.nodes[0]


def test_a_set_started_on_another_port_still_has_its_data(tmp_path: Path) -> None:
    with ReplicaSet(tmp_path) as mongo, MongoClient[dict[str, int]](mongo.url) as client:
        client.stage.kept.insert_one({"_id": 1})
        old = mongo.nodes[0].port
    with ReplicaSet(tmp_path) as mongo, MongoClient[dict[str, int]](mongo.url) as client:
        assert mongo.nodes[0].port != old
        assert client.stage.kept.find_one() == {"_id": 1}


def test_a_fresh_database_takes_transactions(event_store_url: str) -> None:
    with MongoClient[dict[str, int]](event_store_url) as client, client.start_session() as session:
        database = client.get_default_database()
        with session.start_transaction():
            database.one.insert_one({"_id": 1}, session=session)
            database.two.insert_one({"_id": 2}, session=session)
        assert database.two.count_documents({}) == 1


def test_a_primary_that_steps_down_leaves_its_role_to_another(tmp_path: Path) -> None:
    with ReplicaSet(tmp_path, nodes=3, election_ms=1_000) as mongo:
        first = mongo.primary()
        others = mongo.secondaries()
        first.step_down(20)
        assert mongo.wait_for_primary() in others
