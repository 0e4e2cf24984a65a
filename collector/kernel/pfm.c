/* pfm.c - libpfm4, loaded when a name needs it: the events that the manuals of CPUs name.
 *
 * It takes 2 MB of memory, so it is not linked, and is unloaded after use. Its header has a struct
 * perf_event_attr of its own, which does not go together with that of the kernel. */
#include "kernel/pfm.h"

#include <dlfcn.h>
#include <perfmon/pfmlib_perf_event.h>
#include <stdio.h>

static const char library[] = "libpfm.so.4";

struct pfm {
    void *handle;
    __typeof__(&pfm_initialize) initialize;
    __typeof__(&pfm_terminate) terminate;
    __typeof__(&pfm_strerror) strerror;
    __typeof__(&pfm_get_os_event_encoding) encode;
    __typeof__(&pfm_get_pmu_info) pmu_info;
    __typeof__(&pfm_get_event_info) event_info;
    __typeof__(&pfm_get_event_next) event_next;
};

/* ISO C has no conversion from a data pointer to a function pointer; POSIX has. */
static bool resolve(void *handle, const char *name, void *function)
{
    *(void **)function = dlsym(handle, name);
    return *(void **)function != NULL;
}

static void unload(struct pfm *pfm)
{
    if (pfm->terminate)
        pfm->terminate();
    (void)dlclose(pfm->handle);
}

static int load(struct pfm *pfm, struct pam_error *error)
{
    *pfm = (struct pfm){.handle = dlopen(library, RTLD_NOW | RTLD_LOCAL)};
    if (!pfm->handle)
        return pam_fail(error, PAM_FAILED, "it needs libpfm4, which cannot be loaded (%s); install it "
                                           "(Debian: apt install libpfm4), or use a generic name",
                        dlerror());
    if (resolve(pfm->handle, "pfm_initialize", &pfm->initialize) &&
        resolve(pfm->handle, "pfm_strerror", &pfm->strerror) &&
        resolve(pfm->handle, "pfm_get_os_event_encoding", &pfm->encode) &&
        resolve(pfm->handle, "pfm_get_pmu_info", &pfm->pmu_info) &&
        resolve(pfm->handle, "pfm_get_event_info", &pfm->event_info) &&
        resolve(pfm->handle, "pfm_get_event_next", &pfm->event_next) &&
        resolve(pfm->handle, "pfm_terminate", &pfm->terminate) && pfm->initialize() == PFM_SUCCESS)
        return 0;
    unload(pfm);
    return pam_fail(error, PAM_FAILED, "it needs libpfm4, and the %s that is installed does not work",
                    library);
}

static unsigned excludes(const struct perf_event_attr *attr)
{
    return (attr->exclude_user ? PAM_EXCLUDE_USER : 0u) |
           (attr->exclude_kernel ? PAM_EXCLUDE_KERNEL : 0u) |
           (attr->exclude_hv ? PAM_EXCLUDE_HYPERVISOR : 0u) |
           (attr->exclude_host ? PAM_EXCLUDE_HOST : 0u) |
           (attr->exclude_guest ? PAM_EXCLUDE_GUEST : 0u);
}

int pam_pfm_find(const char *name, struct pam_event_code *code, struct pam_error *error)
{
    struct perf_event_attr attr = {.size = sizeof attr};
    pfm_perf_encode_arg_t argument = {.attr = &attr, .size = sizeof argument};
    struct pfm pfm;
    int r = load(&pfm, error), result;

    if (r < 0)
        return r;
    result = pfm.encode(name, PFM_PLM0 | PFM_PLM3 | PFM_PLMH, PFM_OS_PERF_EVENT_EXT, &argument);
    if (result != PFM_SUCCESS)
        r = pam_fail(error, PAM_FAILED, "it is no generic event, and libpfm4 says of it '%s'; "
                                        "pamcollect --event list prints what this machine has",
                     pfm.strerror(result));
    else if (attr.precise_ip || attr.sample_period || attr.pinned || attr.exclusive || argument.cpu > 0)
        r = pam_fail(error, PAM_FAILED, "events are counted in threads, so of libpfm4's modifiers only "
                                        "u, k, h, mg and mh mean something; leave the others out");
    *code = (struct pam_event_code){attr.type, attr.config, attr.config1, attr.config2, excludes(&attr)};
    unload(&pfm);
    return r;
}

static void visit_pmu(const struct pfm *pfm, const pfm_pmu_info_t *pmu,
                      void (*visit)(const char *name, const char *what, void *context), void *context)
{
    pfm_event_info_t event = {.size = sizeof event};
    char name[PAM_EVENT_NAME_BYTES];

    for (int i = pmu->first_event; i >= 0; i = pfm->event_next(i)) {
        if (pfm->event_info(i, PFM_OS_PERF_EVENT, &event) != PFM_SUCCESS)
            continue;
        (void)snprintf(name, sizeof name, "%s::%s", pmu->name, event.name);
        visit(name, event.desc ? event.desc : "", context);
    }
}

int pam_pfm_each(void (*visit)(const char *name, const char *what, void *context), void *context,
                 struct pam_error *error)
{
    struct pfm pfm;
    int r = load(&pfm, error);

    for (unsigned id = PFM_PMU_NONE; id < PFM_PMU_MAX && r == 0; id++) {
        pfm_pmu_info_t pmu = {.size = sizeof pmu};

        if (id != PFM_PMU_PERF_EVENT && id != PFM_PMU_PERF_EVENT_RAW && /* our own tables have those */
            pfm.pmu_info((pfm_pmu_t)id, &pmu) == PFM_SUCCESS && pmu.is_present)
            visit_pmu(&pfm, &pmu, visit, context);
    }
    if (r == 0)
        unload(&pfm);
    return r;
}
