"""A Ray cluster of several node processes on this machine, in a process of its own.

It prints its address, and obeys the lines of its standard input: "kill" ends a node abruptly, "add" starts one, and the
end of the input ends everything.
"""

from __future__ import annotations

import sys

from ray.cluster_utils import Cluster

SMALL = {
    "include_dashboard": False,
    "object_store_memory": 100 * 2**20,
    # A node that is gone is known to be so after ten seconds, not half a minute.
    "_system_config": {"health_check_period_ms": 2000, "health_check_failure_threshold": 5},
}


def say(text: str) -> None:
    """Write a line to the standard output."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def main() -> None:
    """Serve until the standard input ends."""
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, **SMALL})
    nodes = [cluster.add_node(num_cpus=1, object_store_memory=100 * 2**20) for _ in range(2)]
    cluster.wait_for_nodes()
    say(cluster.address)
    for line in sys.stdin:
        if line.strip() == "kill":
            cluster.remove_node(nodes.pop(), allow_graceful=False)
        elif line.strip() == "add":
            nodes.append(cluster.add_node(num_cpus=1, object_store_memory=100 * 2**20))
        say("done")
    cluster.shutdown()


if __name__ == "__main__":
    main()
