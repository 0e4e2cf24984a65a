"""What the monitor says of files, I/O, faults, switches, shared memory and the machine is what psutil and /proc say."""

import bisect
import collections
import os
import pathlib
import shutil
import struct
import threading
import time
import unittest

import support

SECONDS = 12
MIB = 1 << 20
NOBODY = 65534
# Opens and closes files, reads and writes, sleeps, faults pages in, starts a child that does the same.
SCRIPT = """
import mmap, os, random, subprocess, sys, tempfile, threading, time
depth = int(sys.argv[1])
child = subprocess.Popen([sys.executable, "-c", sys.argv[2], "0", "", sys.argv[3]]) if depth else None
def poll():
    while True:
        time.sleep(0.003)
threading.Thread(target=poll, name="poller", daemon=True).start()
if depth:
    print('{"pid": %d}' % os.getpid(), flush=True)
files = []
scratch = tempfile.TemporaryFile()
end = time.monotonic() + float(sys.argv[3])
while time.monotonic() < end:
    files = files[len(files) // 2:] if len(files) > 20 else files + [open("/dev/null") for _ in range(3)]
    with open("/dev/zero", "rb", buffering=0) as zero:
        for _ in range(random.randint(1, 40)):
            os.write(scratch.fileno(), zero.read(1000))
    block = mmap.mmap(-1, 1 << 20)
    block[:] = b"x" * len(block)
    block.close()
    time.sleep(random.uniform(0.01, 0.05))
"""


def stat_fields(pid):
    """Fields of /proc/PID/stat by their number in proc(5)."""
    with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
        after = file.read().rpartition(")")[2].split()
    return {number: int(text) for number, text in enumerate(after, 3) if number > 3}


def pressure(name):
    """Microseconds by "some" and "full", or nothing."""
    try:
        lines = pathlib.Path("/proc/pressure", name).read_text(encoding="ascii").splitlines()
    except OSError:
        return {}
    return {line.split()[0]: int(line.rpartition("=")[2]) for line in lines}


class Watch:
    """Values that psutil and /proc give again and again, each between two instants."""

    def __init__(self, look, period=0.05):
        self.look, self.period, self.seen, self.done = look, period, [], threading.Event()
        self.thread = threading.Thread(target=self.run)

    def run(self):
        while not self.done.is_set():
            before = time.monotonic()
            values = self.look()
            self.seen.append((before, time.monotonic(), values))
            self.done.wait(self.period)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.done.set()
        self.thread.join()

    def around(self, at, late=0.1):
        """What was seen before and after an instant; a record's values are read a little after its time."""
        last = bisect.bisect_right([end for _, end, _ in self.seen], at) - 1
        first = bisect.bisect_left([begin for begin, _, _ in self.seen], at + late)
        if last < 0 or first == len(self.seen):
            return None
        return self.seen[last][2], self.seen[first][2]


def look_at_process(process):
    """By the names of fields of the record."""
    io, switches, stat = process.io_counters(), process.num_ctx_switches(), stat_fields(process.pid)
    return {
        "minor_faults_plus1": stat[10],
        "major_faults_plus1": stat[12],
        "main_voluntary_plus1": switches.voluntary,
        "main_involuntary_plus1": switches.involuntary,
        "read_bytes_plus1": io.read_chars,
        "written_bytes_plus1": io.write_chars,
        "read_calls_plus1": io.read_count,
        "write_calls_plus1": io.write_count,
        "disk_read_bytes_plus1": io.read_bytes,
        "disk_written_bytes_plus1": io.write_bytes,
    }


def look_at_system(psutil):
    """Counters of the machine, and their unit of the record in that of psutil."""
    ticks = os.sysconf("SC_CLK_TCK")
    times = psutil.cpu_times()
    seen = {
        "user_ticks_plus1": round((times.user + times.nice) * ticks),
        "system_ticks_plus1": round((times.system + times.irq + times.softirq) * ticks),
        "stolen_ticks_plus1": round(times.steal * ticks),
    }
    for name in ("cpu", "memory", "io"):
        seen.update({f"{name}_{kind}_us_plus1": total for kind, total in pressure(name).items()})
    return seen


class More(support.Case):
    def worker(self, *arguments, **more):
        target = support.Target([support.need_python(), "-c", SCRIPT, *arguments], **more)
        self.addCleanup(target.end)
        return target

    def check_counters(self, records, watch, start, names, slack=0):
        """Counters only grow, so that of a record lies between those seen before and after it."""
        checked = collections.Counter()
        for record in records:
            around = watch.around(start + record.time)
            for name in names if around else ():
                before, after = around[0].get(name), around[1].get(name)
                if before is None or after is None:
                    continue
                value = record.fields[name] - 1
                self.assertGreaterEqual(value, before - slack, (name, record.time))
                self.assertLessEqual(value, after + slack, (name, record.time))
                checked[name] += 1
        print({name: f"{checked[name]} times, last {records[-1].fields.get(name, 0) - 1}" for name in names})
        return checked

    def test_process(self):
        """The target and its child, each by its own records."""
        psutil = support.need_module("psutil")
        target = self.worker("1", SCRIPT, str(SECONDS + 5))
        child = psutil.Process(support.wait_until(lambda: psutil.Process(target.pid).children())[0].pid)
        time.sleep(1)
        processes = {target.pid: psutil.Process(target.pid), child.pid: child}
        watches = {pid: Watch(lambda process=process: look_at_process(process)) for pid, process in processes.items()}
        with watches[target.pid], watches[child.pid]:
            path = self.collect("-p", target.pid, "-d", SECONDS / 2, "-i", "0.25")
        records = support.dump(path)
        start = support.of_type(records, "session")[0].fields["start_monotonic_ns"] / 1e9
        names = sorted(watches[child.pid].seen[0][2])
        for pid, watch in watches.items():
            mine = [record for record in support.of_type(records, "resource") if record.fields["pid"] == pid]
            checked = self.check_counters(mine, watch, start, names)
            self.assertGreater(min(checked[name] for name in names), SECONDS)
        self.check_rates(path, records, target.pid)

    def check_rates(self, path, records, pid):
        """The columns are the counters of two records, a second, and the same for the process on its own."""
        mine = [record for record in support.of_type(records, "resource") if record.fields["pid"] == pid]
        rows = support.csv_rows(path, "all")
        text = support.run(support.CONVERT, "-q", "-f", "csv-processes", path).out.decode()
        lines = text.replace("\r\n", "\n").splitlines()
        self.assertEqual(len(rows), len(mine) - 1)
        self.assertEqual(len(lines), 1 + 2 * len(rows))
        self.assertTrue(lines[0].startswith("elapsed_seconds,pid,parent_pid,command,cpu_percent,"))
        for index, row in enumerate(rows):
            seconds = mine[index + 1].time - mine[index].time
            for column, field in (
                ("minor_faults_per_second", "minor_faults_plus1"),
                ("main_voluntary_per_second", "main_voluntary_plus1"),
                ("read_bytes_per_second", "read_bytes_plus1"),
                ("write_calls_per_second", "write_calls_plus1"),
            ):
                expected = (mine[index + 1].fields[field] - mine[index].fields[field]) / seconds
                self.assertAlmostEqual(float(row[column]), expected, delta=0.51 + 0.001 * expected)
            self.assertGreater(float(row["read_bytes_per_second"]), 1000)
            self.assertGreater(float(row["minor_faults_per_second"]), 100)  # 256 for each block
            alone = [line for line in lines[1:] if line.startswith(f"{row['elapsed_seconds']},{pid},")]
            self.assertEqual(len(alone), 1)
            self.assertIn(f",{row['read_bytes_per_second']},{row['written_bytes_per_second']},", alone[0])

    def test_open_files(self):
        """A known number of them, as psutil counts."""
        psutil = support.need_module("psutil")
        script = "import os, time; f = [open('/dev/null') for _ in range(123)]; " + (
            "print('{\"pid\": %d}' % os.getpid(), flush=True); time.sleep(30)"
        )
        target = support.Target([support.need_python(), "-c", script])
        self.addCleanup(target.end)
        path = self.collect("-p", target.pid, "-d", "0.5", "-i", "0.1")
        expected = psutil.Process(target.pid).num_fds()
        self.assertGreaterEqual(expected, 126)
        self.assertEqual({row["open_files"] for row in support.csv_rows(path, "all")}, {str(expected)})

    def test_shared_memory(self):
        """PSS at the start and every 10 s, as psutil reads it; the column holds it in between."""
        psutil = support.need_module("psutil")
        pid = self.sleeper()
        # What a process shares, and with how many, is not its own: it moves when other Pythons come and go.
        with Watch(psutil.Process(pid).memory_full_info, period=0.2) as watch:
            path = self.collect("-p", pid, "-d", "11", "-i", "0.5")
        records = support.dump(path)
        start = support.of_type(records, "session")[0].fields["start_monotonic_ns"] / 1e9
        read = [record for record in support.of_type(records, "resource") if "pss_bytes_plus1" in record.fields]
        self.assertEqual(len(read), 2)
        self.assertGreaterEqual(read[1].time - read[0].time, 10)
        for record in read:
            pss = record.fields["pss_bytes_plus1"] - 1
            near = [seen.pss for begin, end, seen in watch.seen if abs(begin - start - record.time) < 2]
            print(f"PSS at {record.time} s {pss}, psutil {min(near)} to {max(near)}")
            self.assertGreater(pss, 0.95 * min(near) - MIB)
            self.assertLess(pss, 1.05 * max(near) + MIB)
        for row in support.csv_rows(path, "all"):
            last = [record for record in read if record.time <= float(row["elapsed_seconds"]) + 0.01][-1]
            self.assertAlmostEqual(float(row["pss_mb"]), (last.fields["pss_bytes_plus1"] - 1) / MIB, delta=0.01)

    def test_switches(self):
        """Those of all threads: what their schedstat adds up to in the same time."""
        target = self.worker("1", SCRIPT, str(SECONDS + 5))
        time.sleep(1)

        def look():
            tasks = pathlib.Path(f"/proc/{target.pid}/task")
            return {"switches": sum(int((task / "schedstat").read_text().split()[2]) for task in tasks.iterdir())}

        with Watch(look) as watch:
            path = self.collect("-p", target.pid, "-d", SECONDS / 2, "-i", "0.5")
        start = support.of_type(support.dump(path), "session")[0].fields["start_monotonic_ns"] / 1e9
        rows = support.csv_rows(path, "all")
        for before, row in zip(rows, rows[1:]):
            ends = [watch.around(start + float(each["elapsed_seconds"])) for each in (before, row)]
            if not all(ends):
                continue
            least = ends[1][0]["switches"] - ends[0][1]["switches"]
            most = ends[1][1]["switches"] - ends[0][0]["switches"]
            counted = float(row["switches_per_second"]) * (
                float(row["elapsed_seconds"]) - float(before["elapsed_seconds"])
            )
            self.assertGreaterEqual(counted, 0.97 * least - 5, row["elapsed_seconds"])
            self.assertLessEqual(counted, 1.03 * most + 5, row["elapsed_seconds"])
        print(
            f"{rows[-1]['switches_per_second']} switches/s, {rows[-1]['main_voluntary_per_second']} of the main thread"
        )

    def test_system(self):
        psutil = support.need_module("psutil")
        with Watch(lambda: look_at_system(psutil)) as watch, Watch(psutil.virtual_memory) as memory:
            path = self.collect("-p", self.sleeper(), "-d", SECONDS / 3, "-i", "0.25")
        records = support.dump(path)
        start = support.of_type(records, "session")[0].fields["start_monotonic_ns"] / 1e9
        system = support.of_type(records, "system")
        names = sorted(watch.seen[0][2])
        checked = self.check_counters(system, watch, start, names, slack=2)
        self.assertGreater(min(checked[name] for name in names), SECONDS / 2)
        for record in system:
            around = memory.around(start + record.time)
            if around:
                near = [each.available for each in around]
                available = record.fields["available_bytes_plus1"] - 1
                self.assertGreater(available, min(near) - 200 * MIB)
                self.assertLess(available, max(near) + 200 * MIB)
        self.assertAlmostEqual(
            system[-1].fields["swap_used_bytes_plus1"] - 1, psutil.swap_memory().used, delta=64 * MIB
        )
        load = [(system[-1].fields[name] - 1) / 100 for name in ("load_1_plus1", "load_5_plus1", "load_15_plus1")]
        for ours, theirs in zip(load, psutil.getloadavg(), strict=True):
            self.assertAlmostEqual(ours, theirs, delta=0.3)
        for row in support.csv_rows(path, "all"):
            self.assertGreaterEqual(float(row["board_cpu_percent"]), 0)
            self.assertLessEqual(float(row["board_cpu_percent"]), 100)
            self.assertEqual(bool(row["cpu_some_pressure_percent"]), bool(pressure("cpu")))

    def test_cores(self):
        """Each core's busy time, as psutil counts it, and its row in csv-system."""
        psutil = support.need_module("psutil")
        ticks = os.sysconf("SC_CLK_TCK")

        def look():
            cores = psutil.cpu_times(percpu=True)
            busy = [sum(core) - core.guest - core.guest_nice - core.idle - core.iowait for core in cores]
            return {str(index): round(seconds * ticks) for index, seconds in enumerate(busy)}

        with Watch(look) as watch:
            path = self.collect("-p", self.sleeper(), "-d", SECONDS / 3, "-i", "0.25")
        records = support.dump(path)
        start = support.of_type(records, "session")[0].fields["start_monotonic_ns"] / 1e9
        cores = support.of_type(records, "core")
        count = psutil.cpu_count()
        self.assertEqual({record.fields["core_plus1"] - 1 for record in cores}, set(range(count)))
        for record in cores:
            around = watch.around(start + record.time)
            name = str(record.fields["core_plus1"] - 1)
            if around:
                self.assertGreaterEqual(record.fields["busy_ticks_plus1"] - 1, around[0][name] - 2)
                self.assertLessEqual(record.fields["busy_ticks_plus1"] - 1, around[1][name] + 2)
        lines = support.run(support.CONVERT, "-q", "-f", "csv-system", path).out.decode().split("\r\n")
        rows = support.csv_rows(path)
        self.assertEqual(lines[0], "elapsed_seconds,what,which,value,unit")
        self.assertEqual(sum(",core," in line for line in lines), count * len(rows))

    def test_sensors(self):
        """A board made of files: a zone of 48.3 degrees, 1500 MHz, a CPU that is cooled from the middle on."""
        support.need_root("put files in the place of /sys/class/thermal")
        script = """
            set -e
            mount -t tmpfs none /sys/class/thermal && mount -t tmpfs none /sys/devices/system/cpu/cpufreq || exit 77
            mkdir /sys/class/thermal/thermal_zone0 /sys/class/thermal/cooling_device0 /sys/devices/system/cpu/cpufreq/policy0
            cd /sys/class/thermal
            echo 48300 > thermal_zone0/temp; echo cpu-thermal > thermal_zone0/type
            echo 0 > cooling_device0/cur_state; echo cpufreq-cpu0 > cooling_device0/type
            echo 1500000 > /sys/devices/system/cpu/cpufreq/policy0/scaling_cur_freq
            (sleep 3; echo 2 > cooling_device0/cur_state; echo broken > thermal_zone0/temp) &
            exec "$0" "$@"
        """
        path = self.folder / "c.pamcap"
        result = support.run(
            *(support.need_tool("unshare"), "--mount", "sh", "-c", script),
            *(support.COLLECT, "-q", "-p", self.sleeper(), "-d", "6", "-o", path),
        )
        if result.status == 77 or "unshare" in result.err:
            self.skipTest(f"nothing can be mounted over /sys here: {result.err}")
        self.assertEqual(result.status, 0, result.err)
        rows = support.csv_rows(path, "all")
        self.assertEqual([row["throttled"] for row in (rows[0], rows[-1])], ["0", "1"])
        self.assertEqual({row["cpu_mhz"] for row in rows}, {"1500"})
        self.assertEqual([row["temperature_celsius"] for row in (rows[0], rows[-1])], ["48.3", ""])
        lines = support.run(support.CONVERT, "-q", "-f", "csv-system", path).out.decode().split("\r\n")
        self.assertIn("1.00,temperature,cpu-thermal,48.3,celsius", lines)
        self.assertIn("1.00,frequency,policy0,1500,MHz", lines)
        self.assertIn("5.00,cooling,cpufreq-cpu0,2,", lines)
        readings = support.of_type(support.dump(path), "reading")
        temperatures = [record.time for record in readings if record.fields["sensor"] == 1]
        self.assertLess(max(temperatures), 4)  # what cannot be read has no record

    def test_old_columns(self):
        """The five columns stay as they were, whatever else is known; all begin with the same."""
        path = self.collect("-p", self.sleeper(), "-d", "1", "-i", "0.2")
        five = support.run(support.CONVERT, "-q", "-f", "csv", path).out.decode().split("\r\n")
        every = support.run(support.CONVERT, "-q", "-f", "csv", "--columns", "all", path).out.decode().split("\r\n")
        self.assertEqual(five[0], "elapsed_seconds,cpu_percent,memory_mb,memory_percent,timestamp")
        self.assertEqual(len(five), len(every))
        for short, long in zip(five[:-1], every[:-1]):
            self.assertTrue(long.startswith(short + ","), long)
            self.assertEqual(long.count(","), every[0].count(","))

    def test_forbidden_is_unknown(self):
        """Another user's process with no right but to read its memory: no I/O, and that is not 0."""
        support.need_root("become another user")
        setpriv = support.need_tool("setpriv")
        if not os.access("/usr/bin/python3.11", os.X_OK):
            self.skipTest("no /usr/bin/python3.11, and Pythons under /root are not for everyone")
        pid = self.sleeper(python="/usr/bin/python3.11")
        self.folder.chmod(0o777)
        program, path = self.folder / "pamcollect", self.folder / "c.pamcap"
        shutil.copy(support.COLLECT, program)
        result = support.run(
            *(setpriv, "--reuid", NOBODY, "--regid", NOBODY, "--clear-groups"),
            *("--inh-caps", "+sys_ptrace", "--ambient-caps", "+sys_ptrace"),
            *(program, "-p", pid, "-d", "1.2", "-i", "0.2", "-o", path),
        )
        self.assertEqual(result.status, 0, result.err)
        for record in support.of_type(support.dump(path), "resource"):
            for name in ("read_bytes_plus1", "write_calls_plus1", "disk_written_bytes_plus1"):
                self.assertNotIn(name, record.fields)
        for row in support.csv_rows(path, "all"):
            for name, value in row.items():
                if name.startswith(("read_", "write_", "written_", "disk_")):
                    self.assertEqual(value, "", name)
            self.assertGreater(float(row["memory_mb"]), 1)
            self.assertNotEqual(row["minor_faults_per_second"], "")

    def test_picture_of_threads(self):
        """From a capture and from its CSV: a PNG of the usual size, named after the input."""
        support.need_tool("gnuplot")
        target = self.worker("1", SCRIPT, str(SECONDS))
        path = self.collect("-p", target.pid, "-d", "3", "-i", "0.5", name="pam_x_20260211_143022.pamcap")
        table = self.folder / "y_threads.csv"
        self.convert(path, "-o", table)
        self.assertIn(b",poller,", table.read_bytes())
        for source, picture in ((path, "pam_x_20260211_143022_threads.png"), (table, "y_threads.png")):
            result = support.run(support.PLOT, "--kind", "threads", source)
            self.assertEqual(result.status, 0, result.err)
            self.assertEqual(result.err, "")
            data = (self.folder / picture).read_bytes()
            self.assertEqual(struct.unpack(">8x4x4sII", data[:24]), (b"IHDR", 2100, 1500))
        wrong = support.run(support.PLOT, "--kind", "threads", "-o", self.folder / "z.png", "-", input=b"a,b\n1,2\n")
        self.assertEqual(wrong.status, 1)
        self.assertIn("elapsed_seconds", wrong.err)


if __name__ == "__main__":
    unittest.main()
