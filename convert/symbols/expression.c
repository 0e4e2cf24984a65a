/* expression.c - the source of a callable as it grows, name by name. */
#include "symbols/expression.h"

#include <stdio.h>
#include <string.h>

void pam_expression_append(struct pam_expression *expression, const char *separator, const char *text)
{
    const int size = snprintf(NULL, 0, "%s%s", separator, text);

    if (expression->size + (size_t)size >= PAM_CALLEE_BYTES)
        return;
    (void)snprintf(expression->text + expression->size, PAM_CALLEE_BYTES - expression->size, "%s%s",
                   separator, text);
    expression->size += (size_t)size;
}

const char *pam_name_at(struct pam_bytes names, uint64_t index)
{
    if (!names.size || names.data[names.size - 1] != '\0')
        return NULL; /* an empty one has no address either */
    for (size_t at = 0; at < names.size; at += strlen((const char *)names.data + at) + 1)
        if (index-- == 0)
            return (const char *)names.data + at;
    return NULL;
}
