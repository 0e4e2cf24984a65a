"""Threads of all kinds: the main one, of threading, of _thread, and of C that calls Python.

Truth: the function that each works in, by the thread id that the kernel gave.
"""

import _thread
import ctypes
import threading
import time

import truth

functions = {}


def in_main(seconds):
    functions[threading.get_native_id()] = "in_main"
    truth.ready()
    time.sleep(seconds)


def in_threading(seconds):
    functions[threading.get_native_id()] = "in_threading"
    for _ in truth.until(seconds):
        time.sleep(0.005)


def in_thread(seconds):
    functions[threading.get_native_id()] = "in_thread"
    for _ in truth.until(seconds):
        time.sleep(0.005)


def in_c(_):
    functions[threading.get_native_id()] = "in_c"
    for _ in truth.until(seconds_in_c):
        time.sleep(0.005)
    return 0


def main():
    global seconds_in_c
    seconds_in_c = seconds = truth.arguments(__doc__).seconds
    callback = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p)(in_c)
    thread = threading.Thread(target=in_threading, args=(seconds,))
    thread.start()
    _thread.start_new_thread(in_thread, (seconds,))
    ctypes.CDLL(None).pthread_create(ctypes.byref(ctypes.c_ulong()), None, callback, None)
    while len(functions) < 3:
        time.sleep(0.001)
    in_main(seconds)
    thread.join()
    time.sleep(0.1)
    truth.tell(functions=functions)


main()
