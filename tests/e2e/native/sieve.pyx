# An extension module in Cython: sieve.sift(seconds).
from time import perf_counter


cdef inline long weigh(long value) nogil:
    cdef long i, sum = 0
    for i in range(20000):
        sum += (value ^ i) % 7
    return sum


cdef class Sieve:
    cdef long total

    def shake(self, double seconds):
        end = perf_counter() + seconds
        while perf_counter() < end:
            self.total += weigh(self.total)


def sift(double seconds):
    sieve = Sieve()
    sieve.shake(seconds)
