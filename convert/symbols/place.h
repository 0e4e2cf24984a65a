/* place.h - where in its source a frame stands. */
#ifndef PAM_PLACE_H
#define PAM_PLACE_H

#include "model.h"
#include "symbols/lines.h"

/* What the line table tells of the instruction; line 0 when it is not known, or not told. */
struct pam_position pam_place(const struct pam_code_model *code, uint64_t unit_plus1);

/* Does the range have an end that is known, and behind its start? Those of instructions that stand for nothing in
 * the source are empty. */
bool pam_place_has_end(const struct pam_position *place);

#endif
