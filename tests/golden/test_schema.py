"""The speedscope output is valid by speedscope's own schema, and by what its viewer takes for granted."""

import json
import math
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "e2e"))
import support  # noqa: E402

HERE = pathlib.Path(__file__).resolve().parent
CAPTURES = sorted(HERE.glob("*.pamcap"))
OPTIONS = ([], ["--positions"], ["--no-idle"], ["--on-cpu"], ["--from", "0.5", "--to", "2"], ["--thread", "no such thread"])


class Schema(support.Case):
    def documents(self):
        for path in CAPTURES:
            for options in OPTIONS:
                yield support.Speedscope(support.run(support.CONVERT, "-q", "-f", "speedscope", *options, path).out)

    def test_official_schema(self):
        jsonschema = support.need_module("jsonschema")
        schema = json.loads((HERE / "speedscope-schema.json").read_text(encoding="utf-8"))
        validator = jsonschema.Draft7Validator(schema)
        for document in self.documents():
            validator.validate(document.document)

    def test_the_schema_finds_errors(self):
        jsonschema = support.need_module("jsonschema")
        schema = json.loads((HERE / "speedscope-schema.json").read_text(encoding="utf-8"))
        document = next(self.documents()).document
        document["profiles"][0]["unit"] = "fortnights"
        with self.assertRaises(jsonschema.ValidationError):
            jsonschema.Draft7Validator(schema).validate(document)

    def test_weights_add_up(self):
        for document in self.documents():
            for profile in document.profiles:
                self.assertEqual(len(profile["samples"]), len(profile["weights"]))
                self.assertTrue(all(isinstance(weight, int) and weight >= 0 for weight in profile["weights"]))
                self.assertTrue(
                    math.isclose(sum(profile["weights"]), profile["endValue"] - profile["startValue"], abs_tol=0),
                    profile["name"],
                )

    def test_frames(self):
        for document in self.documents():
            used = {frame for profile in document.profiles for sample in profile["samples"] for frame in sample}
            self.assertTrue(all(0 <= frame < len(document.frames) for frame in used))
            for frame in document.frames:
                self.assertTrue(frame["name"])
                self.assertGreater(frame.get("line", 1), 0)
            keys = [tuple(sorted(frame.items())) for frame in document.frames]
            self.assertEqual(len(keys), len(set(keys)), "a frame twice")

    def test_order_of_profiles(self):
        for path in CAPTURES:
            document = support.speedscope(path)
            target = next(
                record.fields["pid"]
                for record in support.of_type(support.dump(path), "process")
                if record.fields.get("is_target")
            )
            self.assertTrue(document.names[0].endswith(f" ({target})"), document.names)
            self.assertEqual(document.names[-1], "all threads")
            self.assertEqual(document.names.count("all threads"), 1)
            self.assertEqual(document.document["activeProfileIndex"], 0)
            self.assertEqual({profile["unit"] for profile in document.profiles}, {"microseconds"})

    def test_one_clock(self):
        """Threads share a time axis: none is outside of the capture."""
        for path in CAPTURES:
            end = support.dump(path)[-1].time * 1e6
            for profile in support.speedscope(path).profiles[:-1]:
                self.assertGreaterEqual(profile["startValue"], 0)
                self.assertLessEqual(profile["endValue"], end + 1)

    def test_all_threads_is_the_sum(self):
        """Under a root with the thread's name is the time of each stack of that thread."""
        for path in CAPTURES:
            document = support.speedscope(path)
            sums = {name: 0 for name in document.names[:-1]}
            for stack, weight in document.stacks(document.profiles[-1]):
                sums[stack[0]] += weight
            for profile in document.profiles[:-1]:
                own = sum(weight for stack, weight in document.stacks(profile) if stack)
                self.assertAlmostEqual(sums[profile["name"]], own, delta=len(profile["samples"]))


if __name__ == "__main__":
    unittest.main()
