/*
 * Preloaded into a program whose resolver is to fail: names under "hang.test" are looked up for
 * SY_SLOW_DNS_S seconds (default 20) and then fail, names under "gone.test" do not exist, names
 * under "here.test" are 127.0.0.1. Every other name goes to the real resolver.
 */
#include <dlfcn.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef int lookup_fn(const char *, const char *, const struct addrinfo *, struct addrinfo **);

static int ends(const char *name, const char *end)
{
    size_t a = strlen(name), b = strlen(end);

    return a >= b && strcmp(name + a - b, end) == 0;
}

/* The resolver's, or a sanitizer's around it. A union: ISO C has no cast from data to function. */
static lookup_fn *real(void)
{
    union {
        void *symbol;
        lookup_fn *fn;
    } found = {dlsym(RTLD_NEXT, "getaddrinfo")};

    return found.fn;
}

__attribute__((visibility("default"))) int getaddrinfo(const char *name, const char *service,
                                                       const struct addrinfo *hints,
                                                       struct addrinfo **result)
{
    const char *seconds = getenv("SY_SLOW_DNS_S");

    if (name && ends(name, ".hang.test")) {
        sleep(seconds ? (unsigned)strtoul(seconds, NULL, 10) : 20);
        return EAI_AGAIN;
    }
    if (name && ends(name, ".gone.test"))
        return EAI_NONAME;
    if (name && ends(name, ".here.test"))
        name = "127.0.0.1";
    return real()(name, service, hints, result);
}
