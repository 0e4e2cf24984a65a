"""The measurements: a row each of the function that takes it, and what it is."""

import convert
import slowdown
import switches
import windows

MEASURES = {
    "windows": (windows.measure, "CPU, switches, latency, memory, bytes and samples of each workload with each tool"),
    "slowdown": (slowdown.measure, "of a CPU-bound target, 95 % bounds"),
    "switches": (switches.measure, "what a context switch costs more, by each way to learn of it"),
    "convert": (convert.measure, "converting, beside the peers' converters"),
}
