#include "net/egress.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#define V4_BITS 96 /* where an IPv4 address begins in its mapped form */

struct special {
    unsigned char address[16];
    unsigned prefix;
    bool global;
};

/*
 * The IANA special-purpose registries (RFC 6890, state of 2026-06), multicast and reserved space.
 * The longest prefix decides; "global" rows are holes in a wider row above them.
 */
static const struct special v4_table[] = {
    {{0}, 8, false},             /* this network */
    {{10}, 8, false},            /* private */
    {{100, 64}, 10, false},      /* carrier-grade NAT */
    {{127}, 8, false},           /* loopback */
    {{169, 254}, 16, false},     /* link-local, metadata services */
    {{172, 16}, 12, false},      /* private */
    {{192, 0, 0}, 24, false},    /* protocol assignments */
    {{192, 0, 0, 9}, 32, true},  /* PCP anycast */
    {{192, 0, 0, 10}, 32, true}, /* TURN anycast */
    {{192, 0, 2}, 24, false},    /* documentation */
    {{192, 88, 99}, 24, false},  /* 6to4 relays, withdrawn */
    {{192, 168}, 16, false},     /* private */
    {{198, 18}, 15, false},      /* benchmarks */
    {{198, 51, 100}, 24, false}, /* documentation */
    {{203, 0, 113}, 24, false},  /* documentation */
    {{224}, 4, false},           /* multicast */
    {{240}, 4, false},           /* reserved, broadcast */
};

/* Only 2000::/3 is handed out as global unicast; the rows are what is special inside it. */
static const struct special v6_table[] = {
    {{0}, 0, false},
    {{0x20}, 3, true},
    {{0x20, 0x01}, 23, false},                                           /* protocols */
    {{0x20, 0x01, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}, 128, true}, /* PCP anycast */
    {{0x20, 0x01, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2}, 128, true}, /* TURN anycast */
    {{0x20, 0x01, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3}, 128, true}, /* DNS-SD anycast */
    {{0x20, 0x01, 0, 3}, 32, true},                                      /* AMT */
    {{0x20, 0x01, 0, 4, 0x01, 0x12}, 48, true},                          /* AS112 */
    {{0x20, 0x01, 0, 0x20}, 28, true},                                   /* ORCHIDv2 */
    {{0x20, 0x01, 0, 0x30}, 28, true},                                   /* drone ids */
    {{0x20, 0x01, 0x0d, 0xb8}, 32, false},                               /* documentation */
    {{0x3f, 0xff}, 20, false},                                           /* documentation */
};

static bool prefix_matches(const unsigned char *address, const unsigned char *net, unsigned prefix)
{
    unsigned whole = prefix / 8;
    unsigned rest = prefix % 8;

    if (memcmp(address, net, whole) != 0)
        return false;
    return rest == 0 || ((address[whole] ^ net[whole]) >> (8 - rest)) == 0;
}

static bool is_global(const unsigned char *address, const struct special *table, size_t count,
                      bool otherwise)
{
    const struct special *best = NULL;

    for (size_t i = 0; i < count; i++) {
        if ((!best || table[i].prefix >= best->prefix) &&
            prefix_matches(address, table[i].address, table[i].prefix))
            best = &table[i];
    }
    return best ? best->global : otherwise;
}

static void map_v4(const unsigned char *v4, unsigned char out[16])
{
    memset(out, 0, 10);
    out[10] = out[11] = 0xff;
    memcpy(out + 12, v4, 4);
}

static bool is_allowed(const struct sy_egress *egress, const unsigned char address[16])
{
    for (unsigned i = 0; egress && i < egress->allow_count; i++) {
        if (prefix_matches(address, egress->allow[i].address, egress->allow[i].prefix))
            return true;
    }
    return false;
}

static bool may_dial_v4(const struct sy_egress *egress, const unsigned char *v4)
{
    unsigned char mapped[16];

    map_v4(v4, mapped);
    return is_allowed(egress, mapped) || is_global(v4, v4_table, SY_ARRAY_LEN(v4_table), true);
}

static bool may_dial_v6(const struct sy_egress *egress, const unsigned char a[16])
{
    static const unsigned char mapped[12] = {[10] = 0xff, [11] = 0xff};
    static const unsigned char nat64[12] = {0x00, 0x64, 0xff, 0x9b};
    static const unsigned char teredo[4] = {0x20, 0x01};
    unsigned char client[4];

    if (is_allowed(egress, a))
        return true;
    if (memcmp(a, mapped, 12) == 0 || memcmp(a, nat64, 12) == 0)
        return may_dial_v4(egress, a + 12);
    if (a[0] == 0x20 && a[1] == 0x02)
        return may_dial_v4(egress, a + 2);
    if (memcmp(a, teredo, 4) == 0) {
        for (int i = 0; i < 4; i++)
            client[i] = (unsigned char)(a[12 + i] ^ 0xff);
        return may_dial_v4(egress, a + 4) && may_dial_v4(egress, client);
    }
    return is_global(a, v6_table, SY_ARRAY_LEN(v6_table), false);
}

bool sy_egress_may_dial(const struct sy_egress *egress, const struct sockaddr *address)
{
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;

    switch (address->sa_family) {
    case AF_INET:
        memcpy(&v4, address, sizeof(v4));
        return may_dial_v4(egress, (const unsigned char *)&v4.sin_addr);
    case AF_INET6:
        memcpy(&v6, address, sizeof(v6));
        return may_dial_v6(egress, v6.sin6_addr.s6_addr);
    default:
        return false;
    }
}

int sy_egress_allow(struct sy_egress *egress, struct sy_str cidr, struct sy_err *err)
{
    struct sy_str rest = cidr;
    struct sy_str address = {0};
    struct sy_egress_net net = {.prefix = 128};
    char text[INET6_ADDRSTRLEN] = {0};
    unsigned char v4[4];
    uint64_t bits = 0;
    unsigned skipped = 0;

    if (egress->allow_count == SY_EGRESS_NETS_MAX)
        return sy_err_set(err, SY_NOMEM, "more than %d allowed networks", SY_EGRESS_NETS_MAX);
    if (!sy_str_split(&rest, '/', &address) || address.len >= sizeof(text))
        return sy_err_set(err, SY_INVALID, "not an address or network");
    if (address.len)
        memcpy(text, address.ptr, address.len);
    if (inet_pton(AF_INET, text, v4) == 1) {
        map_v4(v4, net.address);
        skipped = V4_BITS;
    } else if (inet_pton(AF_INET6, text, net.address) != 1) {
        return sy_err_set(err, SY_INVALID, "\"%.64s\" is not an address", text);
    }
    if (rest.ptr) {
        if (!sy_str_to_u64(rest, &bits) || bits > 128 - skipped)
            return sy_err_set(err, SY_INVALID, "the prefix of \"%.64s\" is not a number of 0..%u",
                              text, 128 - skipped);
        net.prefix = (unsigned)bits + skipped;
    }
    egress->allow[egress->allow_count++] = net;
    return SY_OK;
}
