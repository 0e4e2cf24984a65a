/* dw.h - the functions of libdw, which is loaded only for a capture that has native stacks.
 *
 * pamconvert has to run where libdw is not installed; such a capture is then shown by addresses. */
#ifndef PAM_DW_H
#define PAM_DW_H

#include <dwarf.h>
#include <elfutils/libdwelf.h>
#include <elfutils/libdwfl.h>

#define PAM_DW_FUNCTIONS(FUNCTION)                                                                 \
    FUNCTION(dwarf_attr_integrate)                                                                 \
    FUNCTION(dwarf_cfi_addrframe)                                                                  \
    FUNCTION(dwarf_child)                                                                          \
    FUNCTION(dwarf_diename)                                                                        \
    FUNCTION(dwarf_formstring)                                                                     \
    FUNCTION(dwarf_frame_cfa)                                                                      \
    FUNCTION(dwarf_frame_info)                                                                     \
    FUNCTION(dwarf_frame_register)                                                                 \
    FUNCTION(dwarf_haspc)                                                                          \
    FUNCTION(dwarf_siblingof)                                                                      \
    FUNCTION(dwarf_tag)                                                                            \
    FUNCTION(dwelf_elf_gnu_build_id)                                                               \
    FUNCTION(dwfl_addrmodule)                                                                      \
    FUNCTION(dwfl_attach_state)                                                                    \
    FUNCTION(dwfl_begin)                                                                           \
    FUNCTION(dwfl_build_id_find_elf)                                                               \
    FUNCTION(dwfl_end)                                                                             \
    FUNCTION(dwfl_frame_pc)                                                                        \
    FUNCTION(dwfl_frame_reg)                                                                       \
    FUNCTION(dwfl_getthread_frames)                                                                \
    FUNCTION(dwfl_module_addrdie)                                                                  \
    FUNCTION(dwfl_module_address_section)                                                          \
    FUNCTION(dwfl_module_addrinfo)                                                                 \
    FUNCTION(dwfl_module_eh_cfi)                                                                   \
    FUNCTION(dwfl_module_getsym_info)                                                              \
    FUNCTION(dwfl_module_getsymtab)                                                                \
    FUNCTION(dwfl_module_nextcu)                                                                   \
    FUNCTION(dwfl_module_report_build_id)                                                          \
    FUNCTION(dwfl_report_elf)                                                                      \
    FUNCTION(dwfl_report_module)                                                                   \
    FUNCTION(dwfl_standard_find_debuginfo)                                                         \
    FUNCTION(dwfl_thread_state_register_pc)                                                        \
    FUNCTION(dwfl_thread_state_registers)                                                          \
    /* libelf's, which libdw brings along */                                                       \
    FUNCTION(elf_begin)                                                                            \
    FUNCTION(elf_end)                                                                              \
    FUNCTION(elf_getdata)                                                                          \
    FUNCTION(elf_getphdrnum)                                                                       \
    FUNCTION(elf_getscn)                                                                           \
    FUNCTION(elf_getshdrstrndx)                                                                    \
    FUNCTION(elf_nextscn)                                                                          \
    FUNCTION(elf_strptr)                                                                           \
    FUNCTION(elf_version)                                                                          \
    FUNCTION(gelf_getehdr)                                                                         \
    FUNCTION(gelf_getphdr)                                                                         \
    FUNCTION(gelf_getrela)                                                                         \
    FUNCTION(gelf_getshdr)                                                                         \
    FUNCTION(gelf_getsym)

struct pam_dw {
#define MEMBER(name) __typeof__(&(name)) name;
    PAM_DW_FUNCTIONS(MEMBER)
#undef MEMBER
};

/* The loaded library, once for the program; NULL when it cannot be had, and `why` says why. */
const struct pam_dw *pam_dw_load(const char **why);

#endif
