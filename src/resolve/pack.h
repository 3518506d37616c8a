/*
 * The packed form of a snapshot's rows: bytes in one pool, numbers of 7 bits a byte, texts with
 * their length before them. What a call does not read is not in it; absent fields take no room.
 *
 * A unit is what is replaced as a whole: a toolkit with its rows, or a family (all map rows of one
 * toolkit). A unit holds no position outside itself, so a pool of other units may take a copy of it
 * as it is. A spelling is a text by which something is found: before it stand its rank among
 * spellings and the way back to what it names (the toolkit, or the group of a tool).
 *
 *   toolkit: criticality + 1, rows, aliases, name, alias …, row …
 *   row:     flags (2 bytes), state, vendor, version, [rank] [expires] [requested] [due], [slug],
 *            bytes of the other texts, they in the order of enum sy_pack_flag
 *   family:  toolkit's name, groups, group …
 *   group:   way back to the family (3 bytes), effect and SY_PACK_ROUTES, tool, maps, map …
 *   map:     vendor, match and effect and SY_PACK_TOOL_…, [vendor's tool], renames, name, value …,
 *            aliases, alias …
 */
#ifndef SY_RESOLVE_PACK_H
#define SY_RESOLVE_PACK_H

#include "contract/registry.h"

enum sy_pack_flag {
    SY_PACK_RANK = 1 << 0,
    SY_PACK_AUTH_NONE = 1 << 1,
    SY_PACK_EXPIRES = 1 << 2,
    SY_PACK_REQUESTED = 1 << 3,
    SY_PACK_DUE = 1 << 4,
    SY_PACK_SLUG = 1 << 5, /* a spelling; absent: the toolkit's name */
    SY_PACK_CONNECTION = 1 << 6,
    SY_PACK_AUTH_CONFIG = 1 << 7,
    SY_PACK_OAUTH_APP = 1 << 8,
    SY_PACK_VERSION = 1 << 9, /* absent: latest */
    SY_PACK_ENDPOINT = 1 << 10,
    SY_PACK_SECRET = 1 << 11,
    SY_PACK_ADR = 1 << 12,
    SY_PACK_ISSUE = 1 << 13,
    SY_PACK_PREFIX = 1 << 14,
    SY_PACK_AWAITED = 1 << 15,
};

#define SY_PACK_ROUTES 0x80u       /* a group: at least one map is exact or reviewed */
#define SY_PACK_VENDOR_TEXT 0xffu  /* a vendor beyond the table: its name stands in the row */
#define SY_PACK_TOOL_SAME 1u       /* a map: the vendor's name is ours */
#define SY_PACK_TOOL_UPPER 2u      /* or ours in capitals */
#define SY_PACK_BACK_MAX 0xffffffu /* bytes of a unit */

/* Why a spelling means what it names; lower beats higher. */
enum sy_spelling_class { SY_SPELLING_NAME, SY_SPELLING_ALIAS, SY_SPELLING_VENDOR };

/* ---- writing ---- */

struct sy_pool {
    unsigned char *bytes;
    size_t len, size;
    bool failed; /* sticky: no memory, or more than 4 GiB */
};

/* Room for `count` more bytes, or NULL. */
unsigned char *sy_pool_take(struct sy_pool *pool, size_t count);
void sy_pool_byte(struct sy_pool *pool, unsigned byte);
void sy_pool_number(struct sy_pool *pool, uint64_t number);
void sy_pool_text(struct sy_pool *pool, struct sy_str text);
void sy_pool_spelling(struct sy_pool *pool, size_t named, enum sy_spelling_class class,
                      struct sy_str text);
void sy_pool_release(struct sy_pool *pool);

/* ---- reading: `*at` moves past what was read ---- */

static inline uint64_t sy_take_number(const unsigned char **at)
{
    uint64_t number = **at & 0x7fu;
    unsigned shift = 7;

    while (*(*at)++ & 0x80u) {
        number |= (uint64_t)(**at & 0x7fu) << shift;
        shift += 7;
    }
    return number;
}

static inline struct sy_str sy_take_text(const unsigned char **at)
{
    uint64_t len = sy_take_number(at);
    struct sy_str text = {NULL, 0};

    if (len == 0)
        return text;
    text = (struct sy_str){(const char *)*at, (size_t)len - 1};
    *at += len - 1;
    return text;
}

static inline uint32_t sy_read_24(const unsigned char *at)
{
    return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16;
}

static inline struct sy_str sy_take_spelling(const unsigned char **at)
{
    *at += 4;
    return sy_take_text(at);
}

#endif
