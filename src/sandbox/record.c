/* The last requests, byte for byte, and how many came: what tests read back. */
#include "sandbox/internal.h"

#include <stdlib.h>
#include <string.h>

#include "base/encode.h"

#define RECORDED_BYTES_MAX ((size_t)128 << 20)
#define COUNTED_NAMES_MAX 4000u

struct sy_sb_record {
    uint64_t sequence;
    int64_t at_ms;
    enum sy_sb_vendor vendor;
    size_t size;
    /* sizes of what follows the struct: peer, method, target, tool, header lines "name: value\n",
     * body */
    size_t peer, method, target, tool, lines, body;
};

struct sy_sb_count {
    enum sy_sb_vendor vendor;
    uint64_t count;
    struct sy_str name;
};

static void drop(struct sy_sandbox *sb, size_t at)
{
    struct sy_sb_record *record = sb->records[at];
    if (!record)
        return;
    sb->recorded_bytes -= record->size;
    free(record);
    sb->records[at] = NULL;
}

void sy_sb_records_clear(struct sy_sandbox *sb)
{
    for (size_t i = 0; i < SY_SB_RECORDS; i++)
        drop(sb, i);
    for (size_t i = 0; i < sb->counts.count; i++)
        free(sb->counts.items[i]);
    free(sb->counts.items);
    sb->counts = (struct sy_sb_list){0};
    sy_sb_index_release(&sb->count_by_name);
}

static char *put(char *at, struct sy_str s)
{
    if (s.len > 0)
        memcpy(at, s.ptr, s.len);
    return at + s.len;
}

static void keep(struct sy_sandbox *sb, enum sy_sb_vendor vendor, const struct sy_http_head *head,
                 struct sy_str body, struct sy_str tool, struct sy_str peer)
{
    size_t lines = 0;
    for (unsigned i = 0; i < head->header_count; i++)
        lines += head->headers[i].name.len + head->headers[i].value.len + 3;
    size_t size = sizeof(struct sy_sb_record) + head->method_text.len + head->target.len +
                  tool.len + lines + body.len + peer.len;
    size_t at = (size_t)(++sb->sequence % SY_SB_RECORDS);
    drop(sb, at);
    for (size_t i = 1; i < SY_SB_RECORDS && sb->recorded_bytes + size > RECORDED_BYTES_MAX; i++)
        drop(sb, (at + i) % SY_SB_RECORDS); /* oldest first */
    struct sy_sb_record *record =
        sb->recorded_bytes + size > RECORDED_BYTES_MAX ? NULL : malloc(size);
    if (!record)
        return;
    *record = (struct sy_sb_record){
        .sequence = sb->sequence,
        .at_ms = sy_sb_now(sb),
        .vendor = vendor,
        .size = size,
        .peer = peer.len,
        .method = head->method_text.len,
        .target = head->target.len,
        .tool = tool.len,
        .lines = lines,
        .body = body.len,
    };
    char *out = put((char *)(record + 1), peer);
    out = put(put(put(out, head->method_text), head->target), tool);
    for (unsigned i = 0; i < head->header_count; i++) {
        out = put(put(out, head->headers[i].name), SY_STR(": "));
        out = put(put(out, head->headers[i].value), SY_STR("\n"));
    }
    put(out, body);
    sb->records[at] = record;
    sb->recorded_bytes += size;
}

static void count(struct sy_sandbox *sb, enum sy_sb_vendor vendor, const struct sy_http_head *head)
{
    char name[512];
    struct sy_str method = sy_str_head(head->method_text, 16);
    struct sy_str path = sy_str_head(head->path, 400);
    char *end = put(put(put(put(name, sy_str_of(sy_sb_vendor_name(vendor))), SY_STR(" ")), method),
                    SY_STR(" "));
    end = put(end, path);
    struct sy_str key = sy_str_from(name, (size_t)(end - name));
    struct sy_sb_count *entry = sy_sb_index_get(&sb->count_by_name, key);
    if (!entry) {
        if (sb->counts.count >= COUNTED_NAMES_MAX)
            return;
        entry = malloc(sizeof(*entry) + key.len);
        if (!entry)
            return;
        char *copy = (char *)(entry + 1);
        memcpy(copy, key.ptr, key.len);
        *entry = (struct sy_sb_count){.vendor = vendor, .name = {copy, key.len}};
        if (!sy_sb_list_add(&sb->counts, entry)) {
            free(entry);
            return;
        }
        sy_sb_index_put(&sb->count_by_name, entry->name, entry);
    }
    entry->count++;
}

void sy_sb_record(struct sy_sandbox *sb, enum sy_sb_vendor vendor, const struct sy_http_head *head,
                  struct sy_str body, struct sy_str tool, struct sy_str peer)
{
    keep(sb, vendor, head, body, tool, peer);
    count(sb, vendor, head);
}

static void write_headers(struct sy_json_writer *w, struct sy_str lines)
{
    struct sy_str line;
    sy_jw_name(w, "headers");
    sy_jw_array(w);
    while (sy_str_split(&lines, '\n', &line)) {
        size_t colon = sy_str_find_char(line, ':');
        if (line.len == 0 || colon == (size_t)-1)
            continue;
        sy_jw_array(w);
        sy_jw_str(w, sy_str_head(line, colon));
        sy_jw_str(w, sy_str_skip(line, colon + 2));
        sy_jw_array_end(w);
    }
    sy_jw_array_end(w);
}

static void write_one(struct sy_sb_request *r, const struct sy_sb_record *record)
{
    struct sy_json_writer *w = &r->w;
    const char *at = (const char *)(record + 1);
    struct sy_buf body;
    sy_jw_object(w);
    sy_jw_member_i64(w, "sequence", (int64_t)record->sequence);
    sy_jw_member_time(w, "at", record->at_ms);
    sy_jw_member_z(w, "vendor", sy_sb_vendor_name(record->vendor));
    sy_jw_member_str(w, "peer", sy_str_from(at, record->peer));
    at += record->peer;
    sy_jw_member_str(w, "method", sy_str_from(at, record->method));
    sy_jw_member_str(w, "target", sy_str_from(at += record->method, record->target));
    sy_jw_member_str(w, "tool", sy_str_from(at += record->target, record->tool));
    write_headers(w, sy_str_from(at += record->tool, record->lines));
    sy_buf_init_arena(&body, r->mem, record->body * 4 / 3 + 16);
    sy_base64(&body, sy_str_from(at + record->lines, record->body));
    sy_jw_member_str(w, "body_base64", sy_buf_str(&body));
    sy_jw_object_end(w);
}

/* ?vendor= &since=sequence &limit= (newest) */
void sy_sb_records_write(struct sy_sb_request *r)
{
    struct sy_sandbox *sb = r->sb;
    enum sy_sb_vendor vendor = SY_SB_VENDORS;
    struct sy_str name = sy_sb_query(r, "vendor");
    (void)sy_sb_vendor_from_name(name, &vendor);
    int64_t since = sy_sb_query_int(r, "since", 0);
    int64_t limit = sy_sb_query_int(r, "limit", 100);
    uint64_t low = sb->sequence > SY_SB_RECORDS ? sb->sequence - SY_SB_RECORDS : 0;
    uint64_t from = sb->sequence;
    for (uint64_t s = sb->sequence; s > low && s > (uint64_t)since && limit > 0; s--) {
        const struct sy_sb_record *record = sb->records[s % SY_SB_RECORDS];
        if (record && (!name.ptr || record->vendor == vendor)) {
            from = s - 1;
            limit--;
        }
    }
    sy_jw_object(&r->w);
    sy_jw_member_i64(&r->w, "sequence", (int64_t)sb->sequence);
    sy_jw_name(&r->w, "requests");
    sy_jw_array(&r->w);
    for (uint64_t s = from + 1; s <= sb->sequence; s++) {
        const struct sy_sb_record *record = sb->records[s % SY_SB_RECORDS];
        if (record && (!name.ptr || record->vendor == vendor))
            write_one(r, record);
    }
    sy_jw_array_end(&r->w);
    sy_jw_object_end(&r->w);
    sy_sb_send(r, 200);
}

void sy_sb_counts_write(struct sy_sb_request *r)
{
    struct sy_sandbox *sb = r->sb;
    sy_jw_object(&r->w);
    for (unsigned v = 0; v < SY_SB_VENDORS; v++) {
        uint64_t total = 0;
        sy_jw_name(&r->w, sy_sb_vendor_name((enum sy_sb_vendor)v));
        sy_jw_object(&r->w);
        sy_jw_name(&r->w, "requests");
        sy_jw_object(&r->w);
        for (size_t i = 0; i < sb->counts.count; i++) {
            const struct sy_sb_count *entry = sb->counts.items[i];
            if (entry->vendor != (enum sy_sb_vendor)v)
                continue;
            size_t space = sy_str_find_char(entry->name, ' ');
            sy_jw_name_str(&r->w, sy_str_skip(entry->name, space + 1));
            sy_jw_u64(&r->w, entry->count);
            total += entry->count;
        }
        sy_jw_object_end(&r->w);
        sy_jw_name(&r->w, "total");
        sy_jw_u64(&r->w, total);
        sy_jw_name(&r->w, "tokens_minted");
        sy_jw_u64(&r->w, sb->minted[v]);
        sy_jw_object_end(&r->w);
    }
    sy_jw_object_end(&r->w);
    sy_sb_send(r, 200);
}
