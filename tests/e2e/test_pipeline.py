"""pamconvert reads a pipe while pamcollect still writes it, and finishes its output when Ctrl-C ends both."""

import os
import signal
import subprocess
import time
import unittest

import support
from terminal import Terminal


class Pipeline(support.Case):
    def setUp(self):
        super().setUp()
        self.pid = self.target("sleepers", 30).pid
        self.output = self.folder / "live.json"
        self.copy = self.folder / "copy.pamcap"

    def pipeline(self, *options, format="speedscope"):
        return (
            f"{support.COLLECT} -q -p {self.pid} {' '.join(options)} | tee -i {self.copy} | "
            f"{support.CONVERT} -q -f {format} > {self.output}"
        )

    def check_output(self, format="speedscope"):
        """The output is what the same capture gives as a file."""
        self.assertEqual(self.output.read_bytes(), self.convert(self.copy, "-f", format).out)
        self.assertEqual(support.dump(self.copy)[-1].type, "end")

    def test_every_format_by_pipe(self):
        result = support.run("bash", "-o", "pipefail", "-c", self.pipeline("-d", "2"))
        self.assertEqual((result.status, result.err), (0, ""))
        self.check_output()
        for format in ("collapsed", "csv", "dump"):
            with open(self.copy, "rb") as stdin:
                piped = support.run(support.CONVERT, "-f", format, stdin=stdin)
            self.assertEqual(piped.out, self.convert(self.copy, "-f", format).out)

    def test_ctrl_c_on_the_pipeline(self):
        terminal = Terminal("bash", "-o", "pipefail", "-c", self.pipeline())
        self.addCleanup(terminal.close)
        time.sleep(2.3)
        terminal.press()
        terminal.wait()
        self.check_output()
        self.assertGreater(len(support.Speedscope(self.output.read_bytes()).profiles[0]["samples"]), 50)

    def test_second_ctrl_c_ends_a_converter_that_waits(self):
        read, write = os.pipe()  # a collector that never writes
        self.addCleanup(os.close, write)
        converter = self.start(support.CONVERT, "-f", "dump", stdin=read, stdout=subprocess.DEVNULL)
        os.close(read)
        time.sleep(0.3)
        converter.send_signal(signal.SIGINT)
        time.sleep(0.3)
        self.assertIsNone(converter.poll(), "the first Ctrl-C must not end it")
        converter.send_signal(signal.SIGINT)
        self.assertIn(converter.wait(5), (-signal.SIGINT, 128 + signal.SIGINT))

    def test_rows_come_while_the_collector_runs(self):
        collector = self.start(support.COLLECT, "-q", "-p", self.pid, "-i", "0.2", "-d", "20", stdout=subprocess.PIPE)
        converter = self.start(support.CONVERT, "-f", "csv", stdin=collector.stdout, stdout=subprocess.PIPE)
        self.assertEqual(
            converter.stdout.readline(), b"elapsed_seconds,cpu_percent,memory_mb,memory_percent,timestamp\r\n"
        )
        first = converter.stdout.readline()
        self.assertLess(float(first.split(b",")[0]), 1)
        self.assertIsNone(collector.poll())
        collector.send_signal(signal.SIGINT)
        self.assertEqual(collector.wait(5), 0)
        self.assertEqual(converter.wait(5), 0)

    def test_converter_that_goes_away_ends_the_collector(self):
        """`pamcollect | pamconvert | head -c 100`: everyone ends, nobody complains."""
        result = support.run(
            "bash",
            "-c",
            f"{support.COLLECT} -q -p {self.pid} -i 0.1 -d 20 | {support.CONVERT} -f csv | "
            "head -c 100 >/dev/null; echo ${PIPESTATUS[@]}",
            timeout=10,
        )
        self.assertEqual((result.out, result.err), (b"0 0 0\n", ""))

    def test_file_converted_into_a_closed_pipe(self):
        path = self.collect("-p", self.pid, "-d", "1.5")
        for format in ("speedscope", "dump", "collapsed", "csv"):
            result = support.run(
                "bash", "-c", f"{support.CONVERT} -f {format} {path} | head -c 10 >/dev/null; echo ${{PIPESTATUS[0]}}"
            )
            self.assertEqual((result.out, result.err), (b"0\n", ""))

    def test_growing_file(self):
        """A capture can be converted while it is written: what is there is shown, with a warning."""
        path = self.folder / "growing.pamcap"
        collector = self.start(support.COLLECT, "-q", "-p", self.pid, "-o", path)
        time.sleep(2.5)
        self.assertIn("ends early", self.convert(path, "-f", "speedscope").err)
        collector.send_signal(signal.SIGTERM)
        self.assertEqual(collector.wait(5), 0)
        self.assertEqual(self.convert(path, "-f", "speedscope").err, "")


if __name__ == "__main__":
    unittest.main()
