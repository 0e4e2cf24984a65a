"""Checks a mission plan and flies it node by node."""

import asyncio
import math


class MissionPetal:
    def __init__(self, send):
        self._send = send
        self._task = None
        self.state = "idle"

    def plan(self, mission):
        """The HTTP handler: take a plan and start to fly it, instead of the one that flies now."""
        try:
            nodes = order(mission)
        except (KeyError, TypeError, ValueError) as error:
            return 400, {"error": f"bad mission: {error!r}"}
        self.stop()
        self._task = asyncio.create_task(self._fly(nodes), name="mission-runner")
        return 200, {"status": "started", "nodes": len(nodes)}

    def stop(self):
        if self._task:
            self._task.cancel()

    async def _fly(self, nodes):
        for node in nodes:
            self.state = node["name"]
            try:
                await ACTIONS[node["type"]](self, node["params"])
            except (LookupError, TypeError, ArithmeticError) as error:
                self.state = f"failed at {node['name']}: {error!r}"
                return
        self.state = "idle"

    async def _takeoff(self, params):
        await self._go((0.0, 0.0, 0.0), (0.0, 0.0, params["alt"]), speed=0.5)

    async def _wait(self, params):
        await asyncio.sleep(params["duration"])

    async def _goto(self, params):
        at = params["waypoints"][0]
        for waypoint, speed in zip(params["waypoints"], params["speed"]):
            await self._go(at, waypoint, speed)
            at = waypoint

    async def _land(self, _):
        await self._go((0.0, 0.0, 1.0), (0.0, 0.0, 0.0), speed=0.5)

    async def _go(self, start, end, speed):
        """Send position targets along the line, 50 a second."""
        steps = max(1, round(50 * math.dist(start, end) / speed))
        for step in range(1, steps + 1):
            x, y, z = (a + (b - a) * step / steps for a, b in zip(start, end))
            self._send("SET_POSITION_TARGET_LOCAL_NED", 0, x, y, z, *[0.0] * 8, 0x0DF8, 1, 1, 1)
            await asyncio.sleep(0.02)


ACTIONS = {
    "Takeoff": MissionPetal._takeoff,
    "Wait": MissionPetal._wait,
    "GotoLocalPosition": MissionPetal._goto,
    "Land": MissionPetal._land,
}


def order(mission):
    """Return the nodes in the order in which the edges link them."""
    nodes = {node["name"]: node for node in mission["nodes"]}
    following = {edge["from"]: edge["to"] for edge in mission["edges"]}
    name = (set(nodes) - set(following.values())).pop()
    path = []
    while name is not None:
        if nodes[name]["type"] not in ACTIONS or len(path) > len(nodes):
            raise ValueError(f"cannot fly {name!r}")
        path.append(nodes[name])
        name = following.get(name)
    return path
