"""pamplot's picture, decoded by hand, and its bad inputs."""

import collections
import pathlib
import struct
import sys
import unittest
import zlib

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "e2e"))
import support  # noqa: E402
from terminal import Terminal  # noqa: E402

CAPTURE = support.ROOT / "tests/golden/service.pamcap"
BLUE, PURPLE = (0x2E, 0x86, 0xAB), (0xA2, 0x3B, 0x72)
CSV = "elapsed_seconds,cpu_percent,memory_mb,memory_percent,timestamp\r\n" + "".join(
    f"{i}.00,{i * 3 % 50}.50,{100 + i}.25,0.40,2026-02-11T14:30:{i % 60:02}.000000\r\n" for i in range(60)
)


def decode_png(data, look_at_colors):
    """(width, height, pixels as a Counter of (r, g, b)); every CRC is checked, and that all of it inflates."""
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    at, packed, palette, seen = 8, b"", None, []
    while at < len(data):
        size, kind = struct.unpack(">I4s", data[at : at + 8])
        body = data[at + 8 : at + 8 + size]
        assert struct.unpack(">I", data[at + 8 + size : at + 12 + size])[0] == zlib.crc32(kind + body)
        seen.append(kind)
        if kind == b"IHDR":
            width, height, depth, color, *_, interlace = struct.unpack(">IIBBBBB", body)
        elif kind == b"PLTE":
            palette = [tuple(body[i : i + 3]) for i in range(0, size, 3)]
        elif kind == b"IDAT":
            packed += body
        at += 12 + size
    assert (seen[0], seen[-1], at, interlace) == (b"IHDR", b"IEND", len(data), 0)
    channels = {0: 1, 2: 3, 3: 1, 6: 4}[color]
    raw = zlib.decompress(packed)
    assert (depth, len(raw)) == (8, (width * channels + 1) * height)
    return width, height, count(raw, width * channels, channels, height, palette) if look_at_colors else None


def count(raw, stride, channels, height, palette):
    colors, before = collections.Counter(), bytearray(stride)
    for row in range(height):
        kind, line = raw[row * (stride + 1)], bytearray(raw[row * (stride + 1) + 1 : (row + 1) * (stride + 1)])
        unfilter(kind, line, before, channels)
        pixels = zip(*(line[i::channels] for i in range(min(channels, 3))))
        colors.update(palette[p[0]] if palette else p * 3 if channels == 1 else p for p in pixels)
        before = line
    return colors


def unfilter(kind, line, before, step):
    for i in range(len(line)) if kind else ():
        left, up = line[i - step] if i >= step else 0, before[i]
        corner = before[i - step] if i >= step else 0
        if kind == 4:
            near = min(
                (abs(up - corner), 0, left), (abs(left - corner), 1, up), (abs(left + up - 2 * corner), 2, corner)
            )
        line[i] = line[i] + (0, left, up, (left + up) // 2, near[2] if kind == 4 else 0)[kind] & 0xFF


class Plot(support.Case):
    def setUp(self):
        super().setUp()
        support.need_tool("gnuplot")

    def plot(self, *arguments, status=0, **more):
        result = support.run(support.PLOT, *arguments, cwd=self.folder, **more)
        self.assertEqual(result.status, status, result.err)
        return result

    def check_picture(self, data, look_at_colors=False):
        """The colours take seconds to unpack, so once is enough."""
        width, height, colors = decode_png(data, look_at_colors)
        self.assertEqual((width, height), (2100, 1500))
        for color in (BLUE, PURPLE) if look_at_colors else ():
            self.assertGreater(colors[color], 200, colors.most_common(9))
        self.assertGreater(colors[(255, 255, 255)] if look_at_colors else width * height, width * height // 3)

    def test_capture(self):
        (self.folder / "pam_idle_20260211_143022.pamcap").write_bytes(CAPTURE.read_bytes())
        result = self.plot("pam_idle_20260211_143022.pamcap")
        self.assertEqual((result.out, result.err), (b"pam_idle_20260211_143022_cpu.png\n", ""))
        self.check_picture((self.folder / "pam_idle_20260211_143022_cpu.png").read_bytes(), look_at_colors=True)

    def test_counters(self):
        self.plot("-k", "counters", "-o", "x.png", support.ROOT / "tests/golden/counters.pamcap")
        self.check_picture((self.folder / "x.png").read_bytes())

    def test_counters_of_what_has_none(self):
        result = self.plot("-k", "counters", "-o", "x.png", CAPTURE, status=1)
        self.assertIn("--event", result.err)
        (self.folder / "x.csv").write_text(CSV)
        result = self.plot("-k", "counters", "x.csv", status=2)
        self.assertIn("from a capture", result.err)
        self.assertEqual([path.name for path in self.folder.iterdir()], ["x.csv"])

    def test_csv(self):
        (self.folder / "pam_x_20260211_143022_cpu.csv").write_text(CSV, newline="")
        self.plot("pam_x_20260211_143022_cpu.csv")
        self.check_picture((self.folder / "pam_x_20260211_143022_cpu.png").read_bytes())

    def test_our_own_csv(self):
        for columns in ("monitor", "all"):
            csv = support.run(support.CONVERT, "-f", "csv", "--columns", columns, CAPTURE).out
            (self.folder / "own.csv").write_bytes(csv)
            self.check_picture(self.plot("-o", "-", "own.csv").out)

    def test_by_pipe(self):
        self.assertEqual(self.plot("-o", "-", "-", input=CAPTURE.read_bytes()).out, self.plot("-o", "-", CAPTURE).out)

    def test_same_picture_twice(self):
        env = {"TZ": "Asia/Tokyo", "LC_ALL": "de_DE.UTF-8", "PATH": "/usr/bin:/bin"}
        self.assertEqual(self.plot("-o", "-", CAPTURE).out, self.plot("-o", "-", CAPTURE, env=env).out)

    def test_users_gnuplot_settings_do_not_matter(self):
        """~/.gnuplot, and a GNUTERM that this gnuplot does not have."""
        (self.folder / ".gnuplot").write_text("set terminal dumb\nset title 'mine'\nexit\n")
        env = {"HOME": str(self.folder), "PATH": "/usr/bin:/bin"}
        self.check_picture(self.plot("-o", "-", CAPTURE, env=env).out)
        self.check_picture(self.plot("-o", "-", CAPTURE, env={**env, "GNUTERM": "x11"}).out)

    def test_terminals(self):
        self.plot("-o", "x.svg", CAPTURE)
        self.assertIn(b"<svg", (self.folder / "x.svg").read_bytes()[:400])
        self.plot("-o", "x.pdf", CAPTURE)
        self.assertTrue((self.folder / "x.pdf").read_bytes().startswith(b"%PDF"))

    def test_missing_columns(self):
        for column in ("elapsed_seconds", "cpu_percent", "memory_mb"):
            lines = [line.split(",") for line in CSV.split("\r\n") if line]
            at = lines[0].index(column)
            (self.folder / "x.csv").write_text("\n".join(",".join(line[:at] + line[at + 1 :]) for line in lines))
            self.assertIn(f"has no column {column}", self.plot("x.csv", status=1).err)
        self.assertFalse((self.folder / "x_cpu.png").exists())

    def test_bad_csv(self):
        for name, content in {
            "empty": "",
            "header": CSV.split("\r")[0] + "\r\n",
            "text": "hello\nworld\n",
            "json": '{"a": 1}',
            "numbers": "1,2,3\n",
            "quote": CSV + '"' + "x" * 300_000,
        }.items():
            (self.folder / f"{name}.csv").write_text(content)
            self.assertIn(name, self.plot(f"{name}.csv", status=1).err)
            self.assertFalse((self.folder / f"{name}_cpu.png").exists())

    def test_rows_that_are_no_numbers_are_left_out(self):
        (self.folder / "x.csv").write_text(
            CSV + "abc,1,2,3,4\r\n1e999,,,,\r\n`touch hacked`,$(touch hacked),1,1,1\r\n", newline=""
        )
        self.assertIn("left out", self.plot("x.csv").err)
        self.check_picture((self.folder / "x_cpu.png").read_bytes())
        self.assertFalse((self.folder / "hacked").exists())

    def test_titles_are_text_only(self):
        for title in (
            "`touch hacked`",
            '"; system "touch hacked"; "',
            'a\nsystem "touch hacked"',
            "{/Symbol a}_{b}^2 @\\",
            "%",
        ):
            self.check_picture(self.plot("-o", "-", "--title", title, CAPTURE).out)
        self.assertEqual(list(self.folder.iterdir()), [])

    def test_directory_missing_and_same_file(self):
        self.assertIn("directory", self.plot(".", status=1).err)
        self.plot("missing.pamcap", status=1)
        (self.folder / "x.csv").write_text(CSV)
        self.plot("-t", "png", "-o", "x.csv", "x.csv", status=2)
        self.assertEqual((self.folder / "x.csv").read_text(), CSV.replace("\r\n", "\n"))

    def test_damaged_and_cut_captures(self):
        data = (support.ROOT / "tests/golden/threads.pamcap").read_bytes()
        (self.folder / "cut.pamcap").write_bytes(data[:-30])
        self.assertTrue(self.plot("cut.pamcap").err)
        (self.folder / "damaged.pamcap").write_bytes(data[:-3000] + bytes(50) + data[-2950:])
        self.assertIn("damaged", self.plot("damaged.pamcap", status=1).err)
        self.check_picture((self.folder / "damaged_cpu.png").read_bytes())

    def test_without_gnuplot(self):
        result = self.plot(CAPTURE, "-o", "x.png", status=1, env={"PATH": str(self.folder)})
        self.assertIn("gnuplot is not installed", result.err)
        self.assertIn("apt-get install", result.err)
        self.assertEqual(list(self.folder.iterdir()), [])

    def test_gnuplot_that_fails(self):
        for script, words in (
            ("#!/bin/sh\necho out of colours >&2\nexit 3", "out of colours"),
            ("#!/bin/sh\nkill -9 $$", "signal 9"),
            ("#!/bin/sh\nexit 0", "no picture"),
            ("not a program", "gnuplot"),
        ):
            (self.folder / "gnuplot").write_text(script)
            (self.folder / "gnuplot").chmod(0o755)
            result = self.plot(CAPTURE, "-o", "x.png", status=1, env={"PATH": f"{self.folder}:/bin"})
            self.assertIn(words, result.err)
            self.assertFalse((self.folder / "x.png").exists())

    def test_picture_on_a_terminal_is_refused(self):
        terminal = Terminal(support.PLOT, "-o", "-", CAPTURE)
        self.addCleanup(terminal.close)
        self.assertEqual(terminal.wait(), 2)
        self.assertNotIn("PNG", terminal.text)


if __name__ == "__main__":
    unittest.main()
