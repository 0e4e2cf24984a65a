/* callee.h - the name of what a call instruction calls, as the source wrote it.
 *
 * While a thread is in C its innermost Python frame stands at a call instruction. The names loaded
 * for the callable stand in the bytecode before it, and their source ranges start where the call's
 * does: in `self.client.get(url)` they are self, client and get. */
#ifndef PAM_CALLEE_H
#define PAM_CALLEE_H

#include "model.h"

enum { PAM_CALLEE_BYTES = 256 };

/* Writes e.g. "time.sleep" and returns true; false when unit `unit` is no call of something that
 * may be C, or its callable has no name. */
bool pam_callee_name(const struct pam_code_model *code, size_t unit, char name[PAM_CALLEE_BYTES]);

/* Before 3.11 a call of a Python function whose frame is not there yet looks like one of C, and its
 * callable is found by the value stack, not by columns. */
bool pam_callee_may_be_python(uint32_t python_version);

#endif
