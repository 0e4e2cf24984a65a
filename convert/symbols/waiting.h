/* waiting.h - what a thread waits in, as a text: "poll(socket 10.0.0.1:443, timeout 5 s)". */
#ifndef PAM_WAITING_H
#define PAM_WAITING_H

#include "model.h"

enum { PAM_WAITING_BYTES = 512 };

void pam_waiting_text(const struct pam_model *model, uint32_t wait, char text[PAM_WAITING_BYTES]);

#endif
