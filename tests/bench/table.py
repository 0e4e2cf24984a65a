"""The table: a part per measurement, workload and rate, a row per metric, a column per tool; and the same as CSV."""

import csv
import statistics

from tools import TOOLS

REFERENCES = ("nothing", "pamcollect", "pamconvert")  # ratios are to the median of the first that a row has
PLAIN = ("slower", "added", "samples")  # rows that begin so can be around zero, or of different things: no ratio


def short(value):
    """Three digits that mean something."""
    if value == 0:
        return "0"
    digits = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2
    return f"{value:.{digits}f}"


def by_part(values):
    """{(measure, workload, rate): {metric: {column: values}}}, all in the order of their coming."""
    parts = {}
    for cell, numbers in values.items():
        part = parts.setdefault((cell.measure, cell.workload, cell.rate), {})
        if numbers:
            part.setdefault(cell.metric, {})[cell.column] = numbers
    return parts


def ratio(metric, row, column):
    """To the reference's median; None where that says nothing."""
    name = next((name for name in REFERENCES if name in row), column)
    value, reference = statistics.median(row[column]), statistics.median(row[name])
    if name == column or metric.startswith(PLAIN) or min(value, reference) <= 0:
        return None
    return value / reference


def text_of(metric, row, column):
    if column not in row:
        return "-"
    numbers = row[column]
    text = short(statistics.median(numbers))
    if len(numbers) > 1:
        text += f" ({short(min(numbers))}-{short(max(numbers))})"
    times = ratio(metric, row, column)
    return text + (f" x{short(times)}" if times else "")


def columns_of(bench, workload, part):
    """Those that have values, and tools of which it is known why they have none here."""
    columns = dict.fromkeys(column for row in part.values() for column in row)
    if "pamcollect" in columns or "floor" in columns:
        columns |= dict.fromkeys(column for where, column in bench.missing if column and where in ("", workload))
    order = ["nothing", *(tool.name for tool in TOOLS)]
    return sorted(columns, key=lambda column: order.index(column) if column in order else len(order))


def print_part(title, part, columns):
    lines = [["", *columns]]
    for metric, row in part.items():
        lines.append([metric, *(text_of(metric, row, column) for column in columns)])
    widths = [max(map(len, cells)) for cells in zip(*lines)]
    print(f"\n{title}")
    for line in lines:
        print("  " + "  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip())


def print_all(bench):
    print("median (min-max) xRATIO; the ratio is to the median of nothing, else of pamcollect or pamconvert")
    for (measure, workload, rate), part in by_part(bench.values).items():
        title = f"{measure}: {workload}" + (f", {rate} Hz" if rate != "-" else "")
        print_part(title, part, columns_of(bench, workload, part))
    if bench.missing:
        print("\n- is what could not be measured:")
    for (workload, column), reason in bench.missing.items():
        print(f"  {workload or 'all'}, {column or 'all'}: {reason}")


def write_csv(bench, path):
    with open(path, "w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["measure", "workload", "rate_hz", "metric", "column", "median", "min", "max", "count", "ratio",
                       "reason"])
        for (measure, workload, rate), part in by_part(bench.values).items():
            for metric, row in part.items():
                for column, numbers in row.items():
                    rows.writerow([measure, workload, rate, metric, column, statistics.median(numbers), min(numbers),
                                   max(numbers), len(numbers), ratio(metric, row, column), ""])
        for (workload, column), reason in bench.missing.items():
            rows.writerow(["", workload, "", "", column, "", "", "", 0, "", reason])
