"""show.py - ctest's verbose output, shortened: a line a test, the reasons of skips, the output of failures."""
import re
import sys

RESULT = re.compile(r"\s*\d+/\d+ Test\s+#(\d+): (\S+)")
REASON = re.compile(r"skip", re.IGNORECASE)

output = {}  # number of a test -> its lines
summary = False
for line in sys.stdin:
    numbered = re.match(r"(\d+): (.*)", line)
    result = RESULT.match(line)
    if numbered and not summary:
        output.setdefault(numbered[1], []).append(numbered[2])
    elif result:
        print(line, end="", flush=True)
        lines = output.pop(result[1], [])
        if "Passed" not in line and "Skipped" not in line:
            print("".join(f"    {text}\n" for text in lines))
        else:
            print("".join(f"    {text}\n" for text in lines if REASON.search(text)), end="", flush=True)
    elif summary or "tests passed" in line:
        summary = True
        print(line, end="")
