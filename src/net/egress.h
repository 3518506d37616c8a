/*
 * Where the gateway may connect to: the public internet, what the operator allows, and the base
 * URLs of the configuration. Pure judgement over addresses and URLs; the hooks in transfers.c ask.
 */
#ifndef SY_NET_EGRESS_H
#define SY_NET_EGRESS_H

#include <sys/socket.h>

#include "base/err.h"
#include "base/str.h"

#define SY_EGRESS_NETS_MAX 64
#define SY_EGRESS_URL_MAX 16384

struct sy_egress_net {
    unsigned char address[16]; /* IPv4 as ::ffff:a.b.c.d */
    unsigned prefix;           /* of 128 */
};

struct sy_egress {
    struct sy_egress_net allow[SY_EGRESS_NETS_MAX];
    unsigned allow_count;
};

/* The parts of a URL. `host` and `target` are slices of it; the host stands without brackets, the
 * target is path and query as written: it may be empty or begin with '?'. */
struct sy_egress_url {
    bool tls;
    bool literal; /* host is an IPv4 or IPv6 address */
    struct sy_str host;
    uint16_t port;
    struct sy_str target;
};

/* Adds "10.0.0.0/8", "fd00::/8", "127.0.0.1". SY_INVALID with a text otherwise. */
int sy_egress_allow(struct sy_egress *egress, struct sy_str cidr, struct sy_err *err);
/* True for a globally reachable unicast address or an allowed one (IANA special-purpose registries;
 * mapped, 6to4, NAT64 and Teredo forms are judged by the address inside). */
bool sy_egress_may_dial(const struct sy_egress *egress, const struct sockaddr *address);
/* Scheme http or https, a host, no user-info, no control bytes, no backslash, port 1..65535; one
 * reader only: also refused are fragments, bytes that should be percent-encoded, "." and ".." in
 * the path however they are written, hosts that readers spell or understand differently (numbers
 * that are no dotted quad, percent-encoding, a trailing dot, zones). SY_INVALID with a text
 * otherwise. */
int sy_egress_check_url(struct sy_str url, struct sy_err *err);
/* The same check, telling what was read. */
int sy_egress_read_url(struct sy_str url, struct sy_egress_url *ret_parts, struct sy_err *err);

#endif
