"""What blocked threads wait in, with files, sockets and timeouts as the program itself knows them."""

import unittest

import support


def last_frames(path):
    """Of each thread by name: the last frames of its stacks."""
    found = {}
    for frames, _ in support.collapsed(path):
        found.setdefault(frames[1].rpartition(" ")[0], set()).add(frames[-1])
    return found


class Waits(support.Case):
    def test_what_threads_wait_in(self):
        for version, python in support.pythons(support.KINDS):
            with self.subTest(version=version):
                truth, path = self.capture_target("waits", 2.5, python=python, collect=["-r", "50"])
                found = last_frames(path)
                for name, expected in truth["waits"].items():
                    with self.subTest(version=version, waits=expected):
                        self.assertTrue(found[name] <= {f"{text} [wait]" for text in expected.split("|")}, found[name])
                        self.assertEqual(len(found[name]), 1)

    def test_once_for_each_stack(self):
        """A thread that polls waits a hundred times a second in the same place."""
        script = (
            "import os, time\nprint('{\"pid\": %d}' % os.getpid(), flush=True)\n"
            "while True:\n    time.sleep(0.01)\n"
        )
        target = support.Target([support.need_python(), "-c", script])
        self.addCleanup(target.end)
        path = self.collect("-p", target.pid, "-d", "2")
        waits = support.of_type(support.dump(path), "wait")
        samples = support.of_type(support.dump(path), "sample")
        self.assertGreater(len(samples), 100)
        self.assertIn(len(waits), (1, 2), "its stacks off the CPU are this one, or one more")
        asleep = sum(weight for frames, weight in support.collapsed(path) if frames[-1] == "clock_nanosleep [wait]")
        self.assertGreater(asleep, 1.5e6)

    def test_thousands_of_threads(self):
        """More than a tick may ask: the others have their turn in the next ones."""
        script = (
            "import os, threading, time\n"
            "for _ in range(300):\n    threading.Thread(target=time.sleep, args=(60,), daemon=True).start()\n"
            "time.sleep(0.5)\nprint('{\"pid\": %d}' % os.getpid(), flush=True)\ntime.sleep(60)\n"
        )
        target = support.Target([support.need_python(), "-c", script])
        self.addCleanup(target.end)
        path = self.collect("-p", target.pid, "-d", "2")
        waits = support.of_type(support.dump(path), "wait")
        self.assertEqual(len({record.fields["thread"] for record in waits}), 301)
        self.assertEqual(len(waits), 301)


if __name__ == "__main__":
    unittest.main()
