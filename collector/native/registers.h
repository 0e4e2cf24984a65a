/* registers.h - which user registers perf_event samples on this architecture, and where they are.
 *
 * Numbers are those of the kernel's enum perf_event_x86_regs and enum perf_event_arm_regs
 * (arch/.../include/uapi/asm/perf_regs.h). A thread that waits in the kernel has only those of interest
 * that its functions must preserve; one that was interrupted, any. */
#ifndef PAM_REGISTERS_H
#define PAM_REGISTERS_H

#include <stdint.h>

#if defined(__x86_64__)
enum { PAM_REGISTER_SP = 7, PAM_REGISTER_PC = 8 };
#define PAM_REGISTERS_ALL UINT64_C(0xff01ff)       /* AX BX CX DX SI DI BP SP IP, R8-R15 */
#define PAM_REGISTERS_PRESERVED UINT64_C(0xf001c2) /* BX BP SP IP, R12-R15 */
#elif defined(__aarch64__)
enum { PAM_REGISTER_SP = 31, PAM_REGISTER_PC = 32 };
#define PAM_REGISTERS_ALL UINT64_C(0x1ffffffff)       /* X0-X29, LR, SP, PC */
#define PAM_REGISTERS_PRESERVED UINT64_C(0x1fff80000) /* X19-X29, LR, SP, PC */
#else
enum { PAM_REGISTER_SP = 0, PAM_REGISTER_PC = 1 };
#define PAM_REGISTERS_ALL UINT64_C(0) /* none: native stacks are refused */
#define PAM_REGISTERS_PRESERVED UINT64_C(0)
#endif

#define PAM_REGISTERS_BARE                                                                         \
    (UINT64_C(1) << PAM_REGISTER_SP | UINT64_C(1) << PAM_REGISTER_PC) /* all that /proc tells */

enum { PAM_REGISTER_ROOM = 40 }; /* of any of these sets */

static inline unsigned pam_registers_count(uint64_t mask)
{
    return (unsigned)__builtin_popcountll(mask);
}

/* Where register `which` stands in an array of those in `mask`. */
static inline unsigned pam_register_at(uint64_t mask, unsigned which)
{
    return pam_registers_count(mask & ((UINT64_C(1) << which) - 1));
}

#endif
