/* resident.h - memory that the sampler no longer needs. */
#ifndef PAM_RESIDENT_H
#define PAM_RESIDENT_H

/* Takes the code and constants of the program and its libraries out of memory, and what is free of the heap; what
 * is used again comes back from the page cache, 64 KiB around each page. For after the start and after an epoch
 * has begun, most of whose code does not run again soon. Ends early where it takes too long. */
void pam_resident_give_back(void);

#endif
