/* embed.c - a program that is not Python but runs some: linked with a libpython, or loading one. */
#include <dlfcn.h>
#include <stdio.h>

#ifdef LOAD
static int run(const char *library, const char *script)
{
    void *handle = dlopen(library, RTLD_NOW | RTLD_GLOBAL);
    void (*initialize)(void);
    int (*run_string)(const char *);

    if (!handle) {
        (void)fprintf(stderr, "%s\n", dlerror());
        return 1;
    }
    *(void **)&initialize = dlsym(handle, "Py_Initialize");
    *(void **)&run_string = dlsym(handle, "PyRun_SimpleString");
    initialize();
    return run_string(script);
}
#else
void Py_Initialize(void);
int PyRun_SimpleStringFlags(const char *script, void *flags);

static int run(const char *library, const char *script)
{
    (void)library;
    Py_Initialize();
    return PyRun_SimpleStringFlags(script, NULL);
}
#endif

int main(int argc, char **argv)
{
    return argc == 3 ? run(argv[1], argv[2]) : 2;
}
