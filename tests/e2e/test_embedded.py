"""CPythons that are not where one looks first: in other programs and files, stripped, replaced, deleted, hidden."""

import os
import pathlib
import shutil
import struct
import subprocess
import unittest

import support

STATIC = "/usr/bin/python3.11"  # Debian's: all in one file
SCRIPT = """
import os, time
print('{"pid": %d}' % os.getpid(), flush=True)
def found():
    time.sleep(30)
found()
"""
SOURCE = support.HERE / "native/embed.c"
NO_MAP_FILES = "-sys_admin,-checkpoint_restore"  # what reading /proc/PID/map_files needs


def libraries():
    """The shared and the static libpython3.11 of Debian's development package."""
    folder = next(pathlib.Path("/usr/lib").glob("*-linux-gnu*/libpython3.11.so"), None)
    if not folder:
        raise unittest.SkipTest("no libpython3.11.so (package libpython3.11-dev)")
    return folder.resolve(), folder.with_suffix(".a")


def without_sections(data):
    """An ELF file as its own loader needs it: no section headers, so no symbols and no .PyRuntime to be seen."""
    changed = bytearray(data)
    struct.pack_into("<Q", changed, 0x28, 0)  # e_shoff
    struct.pack_into("<HH", changed, 0x3C, 0, 0)  # e_shnum, e_shstrndx
    return bytes(changed)


class Embedded(support.Case):
    def check_read(self, command, prefix=(), **more):
        target = support.Target(command, **more)
        self.addCleanup(target.end)
        return self.check_pid(target.pid, prefix)

    def check_pid(self, pid, prefix=()):
        path = self.folder / f"{pid}.pamcap"
        result = support.run(*prefix, support.COLLECT, "-q", "-p", pid, "-d", "0.3", "-o", path)
        self.assertEqual(result.status, 0, result.err)
        stacks = {stack for profile in support.speedscope(path).profiles for stack, _ in support.speedscope(path).stacks(profile)}
        self.assertIn(("<module>", "found", "time.sleep [C]"), {stack[:3] for stack in stacks})  # and what it waits in
        return next(r.fields for r in support.of_type(support.dump(path), "process") if r.fields.get("is_target"))

    def build(self, *options, name="service"):
        program = self.folder / name
        subprocess.run([support.need_tool("gcc"), "-o", program, SOURCE, *options], check=True)
        return program

    def static_service(self, *options):
        """One file with all of Python in it, whose symbols nobody exports."""
        _, archive = libraries()
        return self.build("-no-pie", archive, *options, "-lexpat", "-lz", "-lm", "-ldl", "-lpthread", "-lutil")

    def test_program_with_libpython(self):
        shared, _ = libraries()
        self.assertEqual(self.check_read([self.build(shared), "-", SCRIPT])["runtime_path"], str(shared))

    def test_program_with_all_in_it(self):
        """It is found by its command line, too."""
        fields = self.check_read([self.static_service(), "-", SCRIPT])
        self.assertEqual(fields["runtime_path"], str(self.folder / "service"))
        pattern = str(self.folder / "service")
        self.collect("-q", "--match", pattern, "-d", "0.2")

    def test_stripped_program(self):
        """The section .PyRuntime stays, and no name says the version."""
        fields = self.check_read([self.static_service("-s"), "-", SCRIPT])
        self.assertEqual(fields["python_version"] >> 16, 0x030B)

    def test_program_without_sections(self):
        service = self.static_service("-s")
        service.write_bytes(without_sections(service.read_bytes()))
        fields = self.check_read([service, "-", SCRIPT])
        self.assertEqual(fields["python_version"] >> 16, 0x030B)

    def test_each_python_without_sections(self):
        """The scan of the memory finds each version, by its cookie or by its interpreters."""
        for version, python in support.pythons():
            with self.subTest(version=version):
                home = support.run(python, "-c", "import sys; print(sys.base_prefix)").out.decode().strip()
                mapped = [
                    line.split()[2] for line in support.run("ldd", python).out.decode().splitlines() if "libpython" in line
                ]
                source = pathlib.Path(mapped[0] if mapped else os.path.realpath(python))
                copy = self.folder / source.name
                copy.write_bytes(without_sections(source.read_bytes()))
                copy.chmod(0o755)
                env = {**os.environ, "PYTHONHOME": home, "LD_LIBRARY_PATH": str(self.folder) if mapped else ""}
                fields = self.check_read([python if mapped else copy, "-c", SCRIPT], env=env)
                self.assertEqual(fields["runtime_path"], str(copy))
                copy.unlink()

    def test_library_of_another_name(self):
        shared, _ = libraries()
        library = self.folder / "libsnake.so"
        shutil.copy(shared, library)
        service = self.build("-DLOAD", "-ldl")
        self.assertEqual(self.check_read([service, library, SCRIPT])["runtime_path"], str(library))

    def test_program_started_by_the_loader(self):
        """/proc/PID/exe is ld.so then."""
        if not os.access(STATIC, os.X_OK):
            self.skipTest(f"no {STATIC}")
        loader = next(pathlib.Path("/lib64").glob("ld-linux*"), None) or next(pathlib.Path("/lib").glob("ld-linux*"))
        self.assertEqual(self.check_read([loader, STATIC, "-c", SCRIPT])["runtime_path"], STATIC)

    def test_links_and_home(self):
        """A link to a link of another name, with a PYTHONHOME."""
        python = support.need_python()
        home = support.run(python, "-c", "import sys; print(sys.base_prefix)").out.decode().strip()
        (self.folder / "first").symlink_to(os.path.realpath(python))
        (self.folder / "second").symlink_to("first")
        self.check_read([self.folder / "second", "-c", SCRIPT], env={**os.environ, "PYTHONHOME": home})

    def test_program_in_another_mount_namespace(self):
        """Its file is in a file system that only it sees."""
        support.need_root("make a mount namespace")
        if not os.access(STATIC, os.X_OK):
            self.skipTest(f"no {STATIC}")
        script = f'mount -t tmpfs none "$0" && cp {STATIC} "$0/service" && exec "$0/service" -c "$1"'
        place = self.folder / "hidden"
        place.mkdir()
        fields = self.check_read([support.need_tool("unshare"), "-m", "sh", "-c", script, place, SCRIPT])
        self.assertEqual(fields["runtime_path"], str(place / "service"))
        self.assertEqual(list(place.iterdir()), [])

    def deleted_library(self, replacement=None):
        """A program whose libpython was deleted, or replaced by another file, since it started."""
        shared, _ = libraries()
        library = self.folder / shared.name
        shutil.copy(shared, library)
        env = {**os.environ, "LD_LIBRARY_PATH": str(self.folder)}
        target = support.Target([self.build(shared), "-", SCRIPT], env=env)
        self.addCleanup(target.end)
        self.assertIn(str(library), pathlib.Path(f"/proc/{target.pid}/maps").read_text())
        library.unlink()
        if replacement:
            shutil.copy(replacement, library)
        return target.pid

    def test_library_deleted(self):
        """Its build-id is in the capture all the same."""
        support.need_root("read /proc/PID/map_files")
        pid = self.deleted_library()
        self.check_pid(pid)
        modules = [r.fields for r in support.of_type(support.dump(self.folder / f"{pid}.pamcap"), "module")]
        self.assertTrue(any("libpython" in module["path"] and module.get("build_id") for module in modules), modules)

    def test_library_deleted_and_kept_from_us(self):
        """Without CAP_SYS_ADMIN nobody opens a deleted file by /proc/PID/map_files."""
        support.need_root("give up rights")
        prefix = (support.need_tool("setpriv"), "--bounding-set", NO_MAP_FILES, "--inh-caps", NO_MAP_FILES)
        self.check_pid(self.deleted_library(), prefix)

    def test_library_upgraded(self):
        """A file of another version is where its own was."""
        prefix = ()
        if os.geteuid() == 0:
            prefix = (support.need_tool("setpriv"), "--bounding-set", NO_MAP_FILES, "--inh-caps", NO_MAP_FILES)
        self.check_pid(self.deleted_library(support.need_tool("gcc")), prefix)

    def test_uwsgi(self):
        """A web server in C that loads applications. What these print goes where it logs."""
        application, log = self.folder / "application.py", self.folder / "log"
        application.write_text(SCRIPT)
        command = [support.need_tool("uwsgi"), "--socket", self.folder / "socket", "--wsgi-file", application]
        with log.open("w") as file:
            pid = self.start(*command, stdout=file, stderr=file).pid
        support.wait_until(lambda: f'{{"pid": {pid}}}' in log.read_text(), what="the application")
        self.check_pid(pid)


if __name__ == "__main__":
    unittest.main()
