/* demangle.h - symbols of C++, Rust and Cython as the source has them. */
#ifndef PAM_DEMANGLE_H
#define PAM_DEMANGLE_H

#include <stddef.h>

enum { PAM_FUNCTION_NAME_BYTES = 1024 };

/* Writes the readable name, or the symbol itself when it is no other; cut at the bound. What compilers append
 * to parts and copies of a function, as in "f.cold" or "f.lto_priv.0", is left out. */
void pam_demangle(const char *symbol, char name[PAM_FUNCTION_NAME_BYTES]);

#endif
