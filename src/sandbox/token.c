/*
 * Bearer tokens shaped like the vendors' (JWT: three base64url parts). They carry their own expiry
 * and a generation, signed with a key of this process, so any number may be minted without a table
 * and "every token of this vendor is bad now" is one increment.
 */
#include "sandbox/internal.h"

#include "base/crypto.h"
#include "base/encode.h"

static struct sy_str sign(struct sy_sandbox *sb, struct sy_arena *mem, struct sy_str text)
{
    unsigned char mac[SY_SHA256_SIZE];
    struct sy_buf out;
    sy_hmac_sha256(sy_str_from((const char *)sb->token_key, sizeof(sb->token_key)), &text, 1, mac);
    sy_buf_init_arena(&out, mem, 64);
    sy_base64url(&out, sy_str_from((const char *)mac, sizeof(mac)));
    return sy_buf_str(&out);
}

struct sy_str sy_sb_token_mint(struct sy_sandbox *sb, struct sy_arena *mem,
                               enum sy_sb_vendor vendor, int64_t life_s, struct sy_str subject)
{
    struct sy_buf payload, token;
    struct sy_json_writer w;
    int64_t now_s = sy_sb_now(sb) / 1000;
    sy_buf_init_arena(&payload, mem, 4096);
    sy_jw_init(&w, &payload);
    sy_jw_object(&w);
    sy_jw_member_i64(&w, "jti", (int64_t)++sb->serial);
    sy_jw_member_str(&w, "sub", subject);
    sy_jw_member_i64(&w, "iat", now_s);
    sy_jw_member_i64(&w, "nbf", now_s - 5);
    sy_jw_member_i64(&w, "exp", now_s + life_s);
    sy_jw_member_i64(&w, "gen", (int64_t)sb->token_generation[vendor]);
    sy_jw_member_z(&w, "aud", sy_sb_vendor_name(vendor));
    sy_jw_object_end(&w);
    sy_buf_init_arena(&token, mem, 8192);
    sy_base64url(&token, SY_STR("{\"typ\":\"JWT\",\"alg\":\"EdDSA\"}"));
    sy_buf_append_char(&token, '.');
    sy_base64url(&token, sy_buf_str(&payload));
    struct sy_str text = sy_buf_str(&token);
    struct sy_str signature = sign(sb, mem, text);
    sy_buf_append_char(&token, '.');
    sy_buf_append(&token, signature);
    sb->minted[vendor]++;
    return sy_buf_str(&token);
}

bool sy_sb_token_valid(struct sy_sandbox *sb, struct sy_arena *mem, enum sy_sb_vendor vendor,
                       struct sy_str token)
{
    struct sy_str rest = token;
    struct sy_str head, body, signature;
    if (!sy_str_split(&rest, '.', &head) || !sy_str_split(&rest, '.', &body) ||
        !sy_str_split(&rest, '.', &signature))
        return false;
    struct sy_str text = sy_str_head(token, head.len + 1 + body.len);
    struct sy_buf payload;
    struct sy_json claims = {0};
    int64_t exp = 0;
    int64_t gen = 0;
    sy_buf_init_arena(&payload, mem, 8192);
    if (!sy_secret_eq(sign(sb, mem, text), signature) || !sy_unbase64(&payload, body) ||
        sy_json_read(sy_buf_str(&payload), 4, &claims, NULL))
        return false;
    return sy_json_i64(sy_json_get_z(claims, "exp"), &exp) && exp > sy_sb_now(sb) / 1000 &&
           sy_json_i64(sy_json_get_z(claims, "gen"), &gen) &&
           (uint64_t)gen == sb->token_generation[vendor] &&
           sy_str_eq(sy_json_text(sy_json_get_z(claims, "aud"), mem),
                     sy_str_of(sy_sb_vendor_name(vendor)));
}

struct sy_str sy_sb_bearer(const struct sy_sb_request *r)
{
    struct sy_str value = sy_sb_header(r, "authorization");
    if (!sy_str_starts(value, SY_STR("Bearer ")))
        return (struct sy_str){NULL, 0};
    return sy_str_trim(sy_str_skip(value, 7));
}
