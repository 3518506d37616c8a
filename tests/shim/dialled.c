/*
 * Preloaded into a program whose dialling is to be watched: no connection leaves the machine.
 *
 * Each connect() to an internet address is written to the file SY_DIALLED ("address port" a line).
 * Loopback addresses are connected to; all others are answered ENETUNREACH at once.
 *
 * Names are looked up here alone. SY_NAMES lists "name=address,address name=…"; any other name has
 * one public address that is made from it (8.x.y.z, by FNV-1a), so that a test can tell which name a
 * dialled address belongs to.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#define SEEN __attribute__((visibility("default")))

typedef int connect_fn(int, const struct sockaddr *, socklen_t);
typedef int lookup_fn(const char *, const char *, const struct addrinfo *, struct addrinfo **);

union symbol { /* ISO C has no cast from data to function */
    void *data;
    connect_fn *connect;
    lookup_fn *lookup;
};

static int is_loopback(const struct sockaddr *address)
{
    if (address->sa_family == AF_INET)
        return ntohl(((const struct sockaddr_in *)address)->sin_addr.s_addr) >> 24 == 127;
    return IN6_IS_ADDR_LOOPBACK(&((const struct sockaddr_in6 *)address)->sin6_addr);
}

static void note(const struct sockaddr *address)
{
    const char *file = getenv("SY_DIALLED");
    char text[INET6_ADDRSTRLEN] = "", line[INET6_ADDRSTRLEN + 8];
    int four = address->sa_family == AF_INET;
    const void *bytes = four ? (const void *)&((const struct sockaddr_in *)address)->sin_addr
                             : (const void *)&((const struct sockaddr_in6 *)address)->sin6_addr;
    unsigned port = ntohs(four ? ((const struct sockaddr_in *)address)->sin_port
                               : ((const struct sockaddr_in6 *)address)->sin6_port);
    int fd = file ? open(file, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600) : -1;
    int len;

    if (fd < 0)
        return;
    inet_ntop(address->sa_family, bytes, text, sizeof(text));
    len = snprintf(line, sizeof(line), "%s %u\n", text, port);
    if (write(fd, line, (size_t)len) != len)
        abort();
    close(fd);
}

SEEN int connect(int fd, const struct sockaddr *address, socklen_t len)
{
    union symbol real = {dlsym(RTLD_NEXT, "connect")};

    if (address->sa_family != AF_INET && address->sa_family != AF_INET6)
        return real.connect(fd, address, len);
    note(address);
    if (is_loopback(address))
        return real.connect(fd, address, len);
    errno = ENETUNREACH;
    return -1;
}

/* The addresses that SY_NAMES gives a name, or NULL. */
static const char *listed(const char *name, size_t *ret_len)
{
    const char *at = getenv("SY_NAMES");
    size_t len = strlen(name);

    while (at && *at) {
        size_t word = strcspn(at, " ");

        if (word > len && at[len] == '=' && strncasecmp(at, name, len) == 0) {
            *ret_len = word - len - 1;
            return at + len + 1;
        }
        at += word;
        at += strspn(at, " ");
    }
    return NULL;
}

static void made_from(const char *name, char text[INET_ADDRSTRLEN])
{
    uint32_t hash = 2166136261u;

    for (; *name; name++)
        hash = (hash ^ (unsigned char)(*name >= 'A' && *name <= 'Z' ? *name | 0x20 : *name)) *
               16777619u;
    snprintf(text, INET_ADDRSTRLEN, "8.%u.%u.%u", hash >> 24, hash >> 16 & 255, hash >> 8 & 255);
}

static int one_literal(const char *text, const char *service, const struct addrinfo *hints,
                       struct addrinfo **result)
{
    union symbol real = {dlsym(RTLD_NEXT, "getaddrinfo")};
    struct addrinfo numeric = hints ? *hints : (struct addrinfo){0};

    numeric.ai_flags = AI_NUMERICHOST;
    numeric.ai_family = AF_UNSPEC;
    return real.lookup(text, service, &numeric, result);
}

SEEN int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints,
                     struct addrinfo **result)
{
    struct addrinfo **end = result;
    char text[INET6_ADDRSTRLEN];
    const char *list;
    size_t len;

    if (!name || one_literal(name, service, hints, result) == 0)
        return name ? 0 : EAI_NONAME;
    list = listed(name, &len);
    if (!list) {
        made_from(name, text);
        return one_literal(text, service, hints, result);
    }
    *result = NULL;
    while (len) {
        size_t part = strcspn(list, ", ");

        if (part > len)
            part = len;
        snprintf(text, sizeof(text), "%.*s", (int)part, list);
        if (one_literal(text, service, hints, end) != 0)
            return EAI_FAIL;
        while (*end)
            end = &(*end)->ai_next;
        list += part + (part < len);
        len -= part + (part < len);
    }
    return *result ? 0 : EAI_NONAME;
}
