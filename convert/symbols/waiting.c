/* waiting.c - what a thread waits in, as a text. */
#include "symbols/waiting.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { NAME_BYTES = 300 };

/* "0100007F:1F90", the words of the address in the board's byte order, which is the little-endian one; the
 * port as a number. False when it is none, or none is set. */
static bool put_address(char text[NAME_BYTES], const char *hex)
{
    const char *colon = strchr(hex, ':');
    unsigned char address[16] = {0};
    char host[INET6_ADDRSTRLEN];
    unsigned words[4], port;
    size_t count = 0;
    int family;

    while (colon && count < 4 && hex + 8 <= colon && sscanf(hex, "%8x", &words[count]) == 1) {
        for (size_t i = 0; i < 4; i++)
            address[4 * count + i] = (unsigned char)(words[count] >> 8 * i);
        count++;
        hex += 8;
    }
    if (!colon || hex != colon || (count != 1 && count != 4) || sscanf(colon, ":%4x", &port) != 1 ||
        !port)
        return false;
    family = count == 1 ? AF_INET : AF_INET6;
    if (count == 4 && !memcmp(address, "\0\0\0\0\0\0\0\0\0\0\xff\xff", 12)) { /* IPv4 in IPv6 */
        memmove(address, address + 12, 4);
        family = AF_INET;
    }
    if (!inet_ntop(family, address, host, sizeof host))
        return false;
    (void)snprintf(text, NAME_BYTES, family == AF_INET ? "%s:%u" : "[%s]:%u", host, port);
    return true;
}

/* "tcp LOCAL REMOTE STATE" is where it leads, or where it listens; "unix PATH". */
static void name_socket(char name[NAME_BYTES], const char *line)
{
    char table[8] = "", local[48] = "", remote[48] = "", address[NAME_BYTES];

    (void)snprintf(name, NAME_BYTES, "socket");
    if (!strncmp(line, "unix", 4)) {
        (void)snprintf(name, NAME_BYTES, "unix socket%.200s", line[4] && line[5] ? line + 4 : "");
        return;
    }
    if (sscanf(line, "%7s %47s %47s", table, local, remote) == 3 &&
        (put_address(address, remote) || put_address(address, local)))
        (void)snprintf(name, NAME_BYTES, "%ssocket %.100s", strncmp(table, "udp", 3) ? "" : "udp ",
                       address);
}

/* What /proc/PID/fd says, without numbers that nobody knows: "pipe:[123]" is a pipe. */
static void name_file(char name[NAME_BYTES], const char *file, const char *socket)
{
    static const char anonymous[] = "anon_inode:";
    const bool inner = !strncmp(file, anonymous, sizeof anonymous - 1);
    const char *from = inner ? file + sizeof anonymous - 1 : file;

    if (!strncmp(file, "socket:", 7))
        name_socket(name, socket);
    else if (inner && *from == '[')
        (void)snprintf(name, NAME_BYTES, "%.*s", (int)strcspn(from + 1, "]"), from + 1);
    else if (inner || *file == '/')
        (void)snprintf(name, NAME_BYTES, "%.250s", from);
    else
        (void)snprintf(name, NAME_BYTES, "%.*s", (int)strcspn(file, ":"), file);
}

static void put_duration(char text[32], int64_t ns)
{
    if (ns >= INT64_C(1000000000))
        (void)snprintf(text, 32, "%g s", (double)ns / 1e9);
    else
        (void)snprintf(text, 32, "%g ms", (double)ns / 1e6);
}

static void copy_text(char text[PAM_MAX_TEXT], const struct pam_model *model, uint32_t id)
{
    const struct pam_bytes bytes =
        id == PAM_UNKNOWN ? (struct pam_bytes){0} : pam_model_text(model, id);
    const size_t size = bytes.size < PAM_MAX_TEXT ? bytes.size : PAM_MAX_TEXT - 1;

    if (size)
        memcpy(text, bytes.data, size);
    text[size] = '\0';
}

void pam_waiting_text(const struct pam_model *model, uint32_t wait, char text[PAM_WAITING_BYTES])
{
    const struct pam_wait_model known = pam_model_wait(model, wait);
    const struct pam_syscall *call = pam_syscall_find((enum pam_arch)known.arch, known.number);
    char file[PAM_MAX_TEXT], socket[PAM_MAX_TEXT];
    char call_name[40], name[NAME_BYTES] = "", more[32] = "", duration[32] = "";
    const bool is_epoll = call && !strncmp(call->name, "epoll_", 6); /* its descriptor tells nothing */

    copy_text(file, model, known.file);
    copy_text(socket, model, known.socket);
    if (call)
        (void)snprintf(call_name, sizeof call_name, "%.39s", call->name);
    else
        (void)snprintf(call_name, sizeof call_name, "system call %" PRIu64, known.number);
    if (file[0] && !is_epoll)
        name_file(name, file, socket);
    if (name[0] && known.files > 1)
        (void)snprintf(more, sizeof more, " and %" PRIu64 " more", known.files - 1);
    if (known.timeout_ns >= 0)
        put_duration(duration, known.timeout_ns);
    if (!name[0] && !duration[0])
        (void)snprintf(text, PAM_WAITING_BYTES, "%s", call_name);
    else
        (void)snprintf(text, PAM_WAITING_BYTES, "%s(%s%s%s%s%s)", call_name, name, more,
                       name[0] && duration[0] ? ", " : "", duration[0] ? "timeout " : "", duration);
}
