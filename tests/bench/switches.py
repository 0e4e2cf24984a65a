"""What a context switch of the target costs more, by each way in which a collector can learn who ran."""

import peers

WORKLOAD = "bare ping-pong"
WINDOW_MS = 200


def switch_price(bench):
    program = peers.compile_c(bench.place, "switches")
    rounds = bench.scale.repeat
    prices = {}
    for line in peers.run(program, rounds, WINDOW_MS).splitlines():
        way, price, *reason = line.split("\t")
        if reason:
            bench.missing[WORKLOAD, way] = reason[0]
        else:
            prices.setdefault(way, []).append(float(price))
    for way, values in prices.items():
        for alone, value in zip(prices["nothing"], values):
            bench.add("switches", WORKLOAD, "-", way, **{"a switch, ns": value, "added, ns": value - alone})


def measure(bench, _workloads):
    bench.say("switches")
    bench.attempt(WORKLOAD, "", switch_price, bench)
