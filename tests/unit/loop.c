/* loop.c - a library with a function called like CPython's loop, and another; gcc puts what they seldom do elsewhere. */
#include <stddef.h>

int _PyEval_EvalFrameDefault(int way, void **at);
int another(int way, void **at);

/* Where it is called. */
__attribute__((cold, noinline)) static void note(void **at)
{
    *at = __builtin_return_address(0);
    __asm__ volatile("" ::: "memory");
}

__attribute__((noinline)) static int work(volatile char *room, int way)
{
    return room[way & 15] + way;
}

/* The frame is that of all of it, also of what is put elsewhere. */
#define SELDOM(bytes, way, at)                                                                     \
    volatile char room[bytes] = {0};                                                                 \
    int sum = work(room, way);                                                                     \
    if (way == 1) {                                                                                \
        note(at);                                                                                  \
        sum += work(room, 3);                                                                      \
    }                                                                                              \
    sum += work(room, sum);                                                                        \
    if (way == 2) {                                                                                \
        note(at);                                                                                  \
        sum += work(room, 4);                                                                      \
    }                                                                                              \
    return sum + work(room, sum)

int _PyEval_EvalFrameDefault(int way, void **at)
{
    SELDOM(64, way, at);
}

int another(int way, void **at)
{
    SELDOM(96, way, at);
}
