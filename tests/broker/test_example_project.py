from __future__ import annotations

from example_project.tests.demo_run import SERVERS, is_gone, process_groups_in, run_demo
from tests.kafka import KafkaCluster


def test_every_order_of_the_demo_is_read_back_from_a_real_kafka(kafka_cluster: KafkaCluster) -> None:
    demo = run_demo(bootstrap_servers=kafka_cluster.bootstrap_servers)

    assert demo.exit_code == 0, demo.output + demo.errors
    assert demo.errors == ""
    assert demo.orders_read_back == 9
    assert demo.drain_reports >= SERVERS
    servers = process_groups_in(demo.output)
    assert len(servers) == SERVERS
    assert all(is_gone(server) for server in servers)
