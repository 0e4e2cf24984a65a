"""Threads are called by their Python names, whatever is in them, also after they are renamed."""

import unittest

import support

SECONDS = 14  # the rename is half way, and names are read again every 5 s


def on_each_python(test):
    """Run a test on the capture of each version."""

    def run(self):
        for version, (truth, path) in self.captures.items():
            with self.subTest(version=version):
                self.truth, self.path = truth, path
                self.names = {int(tid): name for tid, name in truth["names"].items()}
                test(self)

    return run


class Names(support.Case):
    @classmethod
    def setUpClass(cls):
        case, pythons = cls.of_class(), support.pythons(support.KINDS)
        captures = support.parallel(
            *(lambda python=python: case.capture_target("names", SECONDS, python=python) for _, python in pythons)
        )
        cls.captures = {version: capture for (version, _), capture in zip(pythons, captures)}

    def labels(self):
        return {
            int(label.rpartition(" (")[2][:-1]): label.rpartition(" (")[0]
            for label in support.speedscope(self.path).names
            if label != "all threads"
        }

    @on_each_python
    def test_every_name(self):
        self.assertEqual(
            self.labels(), {tid: name if name is not None else self.labels()[tid] for tid, name in self.names.items()}
        )

    @on_each_python
    def test_a_thread_without_a_name_has_the_kernels(self):
        kernel = {
            record.fields["tid"]: record.fields.get("kernel_name")
            for record in support.of_type(support.dump(self.path), "thread")
        }
        strings = {
            record.fields["id"]: record.fields["text"] for record in support.of_type(support.dump(self.path), "string")
        }
        for tid in (tid for tid, name in self.names.items() if name is None):
            self.assertEqual(self.labels()[tid], strings[kernel[tid]])

    @on_each_python
    def test_rename_is_seen_within_five_seconds(self):
        records = support.dump(self.path)
        start = support.of_type(records, "session")[0].fields["start_monotonic_ns"] / 1e9
        strings = {record.fields["id"]: record.fields["text"] for record in support.of_type(records, "string")}
        for tid, before in self.truth["renamed"].items():
            seen = [
                (start + record.time, strings[record.fields["name"]])
                for record in support.of_type(records, "thread")
                if record.fields["tid"] == int(tid) and record.fields.get("name")
            ]
            self.assertEqual([name for _, name in seen], [before, self.names[int(tid)]])
            self.assertGreater(seen[1][0], self.truth["renamed_at"])
            self.assertLess(seen[1][0], self.truth["renamed_at"] + 6.5)

    @on_each_python
    def test_functions(self):
        document = support.speedscope(self.path)
        for tid, function in self.truth["functions"].items():
            stacks = [stack for stack, _ in document.stacks(document.thread(tid))]
            self.assertTrue(any(function in stack for stack in stacks), f"{tid}: no {function} in {stacks[:3]}")

    @on_each_python
    def test_main_first_and_all_threads_last(self):
        names = support.speedscope(self.path).names
        self.assertTrue(names[0].startswith("MainThread ("), names)
        self.assertEqual(names[-1], "all threads")

    @on_each_python
    def test_collapsed_has_no_line_ends_or_semicolons_from_names(self):
        expected = {
            name.translate({ord("\n"): " ", ord("\t"): " ", ord(";"): ":"}) + f" ({tid})"
            for tid, name in self.names.items()
            if name is not None
        }
        found = {frames[1] for frames, _ in support.collapsed(self.path)}
        self.assertEqual(expected - found, set())


if __name__ == "__main__":
    unittest.main()
