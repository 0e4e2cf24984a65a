"""Threads are known by the kernel's ids, whoever made them; where that cannot be, the capture says so."""

import subprocess
import unittest

import support

# A thread state that the main thread makes for another one. Before 3.11 it keeps the main thread's ident.
PROGRAM = r"""
#include <Python.h>
#include <pthread.h>

static PyThreadState *state;

static void *work(void *unused)
{
    PyEval_AcquireThread(state);
    PyRun_SimpleString("import os, time\n"
                       "def job():\n"
                       "    print('{\"pid\": %d}' % os.getpid(), flush=True)\n"
                       "    end = time.time() + 5\n"
                       "    while time.time() < end:\n"
                       "        time.sleep(0.005)\n"
                       "job()\n");
    PyThreadState_Clear(state);
    PyThreadState_DeleteCurrent();
    return unused;
}

int main(void)
{
    PyThreadState *own;
    pthread_t thread;

    Py_Initialize();
    own = PyThreadState_Get();
    state = PyThreadState_New(own->interp);
    (void)PyEval_SaveThread();
    pthread_create(&thread, NULL, work, NULL);
    pthread_join(thread, NULL);
    PyEval_RestoreThread(own);
    return 0;
}
"""


class NativeIds(support.Case):
    def test_threads_of_all_kinds(self):
        for version, python in support.pythons(support.VERSIONS):
            with self.subTest(version=version):
                truth, path = self.capture_target("kinds", 2, python=python)
                document = support.speedscope(path)
                self.assertEqual(len(truth["functions"]), 4)
                for tid, function in truth["functions"].items():
                    stacks = {stack for stack, _ in document.stacks(document.thread(tid))}
                    self.assertTrue(any(function in stack for stack in stacks), (function, stacks))
                    others = {name for name in truth["functions"].values() if name != function}
                    self.assertFalse(any(others & set(stack) for stack in stacks), (function, stacks))

    def build(self, version, python):
        """The program with that Python in it, or None where it cannot be built."""
        script = "import sysconfig as s; print(s.get_paths()['include'], s.get_config_var('LIBDIR'), s.get_config_var('prefix'))"
        include, libraries, prefix = support.run(python, "-c", script).out.decode().split()
        source, program = self.folder / "states.c", self.folder / f"states{version}"
        source.write_text(PROGRAM)
        linked = [f"-lpython{version}", "-lpthread", "-ldl", "-lutil", "-lm"]
        command = ["gcc", "-w", "-I", include, "-o", program, source, "-L", libraries, f"-Wl,-rpath,{libraries}", *linked]
        built = subprocess.run(command, capture_output=True)
        return (program, prefix) if built.returncode == 0 else None

    def test_a_state_made_for_another_thread(self):
        support.need_tool("gcc")
        built = [found for version, python in support.pythons(support.VERSIONS)
                 if version in support.WITHOUT_QUALNAMES and (found := self.build(version, python))]
        if not built:
            self.skipTest("no Python 3.8 to 3.10 to build with is here")
        for program, prefix in built:
            with self.subTest(program=program):
                target = support.Target([program], env={"PYTHONHOME": prefix})
                self.addCleanup(target.end)
                path = self.collect("-p", target.pid, "-d", "3")
                threads = [record.fields for record in support.of_type(support.dump(path), "thread")]
                self.assertEqual([thread["pid"] for thread in threads if not thread.get("tid")], [target.pid])
                document = support.speedscope(path)
                unknown = next(p for p in document.profiles if p["name"] == "[unknown thread id] (0)")
                self.assertTrue(any("job" in stack for stack, _ in document.stacks(unknown)))
                for profile in document.profiles[:-1]:
                    if profile is not unknown:
                        self.assertFalse(any("job" in stack for stack, _ in document.stacks(profile)), profile["name"])


if __name__ == "__main__":
    unittest.main()
