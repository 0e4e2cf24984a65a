/* resident.h - memory that the sampler no longer needs. */
#ifndef PAM_RESIDENT_H
#define PAM_RESIDENT_H

/* Takes the code and constants of the program and its libraries out of memory; what is used again comes back
 * from the page cache, page by page. For after the start, most of whose code never runs again. */
void pam_resident_give_back(void);

#endif
