#include <stdlib.h>
#include <string.h>

#include "base/crypto.h"
#include "base/encode.h"
#include "cli/cli_int.h"

#define CLIENT_TIMEOUT_MS 330000
#define REPLY_MAX ((size_t)64 << 20)
#define LIST_ITEMS_MAX 100000u

/* A gateway of this command's own: same code, same checks, on a loopback port nobody knows. */
static int connect_own(struct cli *cli)
{
    struct sy_gateway_options options = {.one_shot = true};
    struct sy_err err = SY_ERR_INIT;
    struct sy_faults faults;
    unsigned char random[32];
    struct sy_buf secret;
    int status;

    sy_faults_init(&faults);
    status = sy_config_load(cli_get(cli, "--config"), &cli->config, &faults);
    cli->has_config = true;
    if (status != SY_OK) {
        fprintf(stderr, "%.*s", SY_FMT(sy_buf_str(&faults.text)));
        sy_faults_release(&faults);
        return SY_EXIT_FAILED;
    }
    sy_faults_release(&faults);
    sy_random(random, sizeof(random));
    sy_buf_init_arena(&secret, &cli->arena, 64);
    sy_base64url(&secret, sy_str_from((const char *)random, sizeof(random)));
    cli->key = sy_buf_str(&secret);
    options.config = &cli->config;
    options.local_secret = cli->key;
    status = sy_gateway_start(&options, &cli->own, &err);
    if (status != SY_OK)
        return cli_fail(cli, "%s%s", err.text,
                        strstr(err.text, " is held by http")
                            ? "; ask that gateway: SWITCHYARD_URL and SWITCHYARD_KEY, no --config"
                            : "");
    cli->url = sy_gateway_url(cli->own);
    return SY_EXIT_DONE;
}

int cli_connect(struct cli *cli)
{
    const char *url = getenv("SWITCHYARD_URL"), *key = getenv("SWITCHYARD_KEY");
    struct sy_err err = SY_ERR_INIT;

    if (cli_has(cli, "--config")) {
        int code = connect_own(cli);

        if (code != SY_EXIT_DONE)
            return code;
    } else {
        cli->url = cli_has(cli, "--url") ? cli_get(cli, "--url") : sy_str_of(url);
        cli->key = cli_has(cli, "--key") ? cli_get(cli, "--key") : sy_str_of(key);
        if (!cli->url.len)
            cli->url = SY_STR("http://127.0.0.1:8420");
        if (!cli->key.len)
            return cli_fail(cli,
                            "no key: set SWITCHYARD_KEY (and SWITCHYARD_URL), or give --config "
                            "FILE to work on the store directly");
        if (sy_str_has_control(cli->url) || sy_str_has_control(cli->key))
            return cli_fail(cli, "the URL or the key holds control characters");
        if (!sy_str_starts(cli->url, SY_STR("http://")) &&
            !sy_str_starts(cli->url, SY_STR("https://")))
            return cli_fail(cli, "SWITCHYARD_URL or --url is a URL such as http://127.0.0.1:8420");
        while (sy_str_ends(cli->url, SY_STR("/")))
            cli->url.len--;
    }
    if (sy_fetcher_create(&cli->fetcher, &err) != SY_OK)
        return cli_fail(cli, "%s", err.text);
    return SY_EXIT_DONE;
}

void cli_disconnect(struct cli *cli)
{
    sy_fetcher_free(cli->fetcher);
    cli->fetcher = NULL;
    if (cli->own)
        sy_gateway_stop(cli->own, 5000);
    cli->own = NULL;
    if (cli->has_config)
        sy_config_release(&cli->config);
    cli->has_config = false;
}

static void add_header(struct sy_request *request, struct sy_str name, struct sy_str value)
{
    if (value.ptr)
        request->headers[request->header_count++] = (struct sy_header){name, value, false};
}

/* The causes speak of vendors; here a gateway did not answer. */
static int no_answer(struct cli *cli, const struct sy_fetch_reply *reply, const struct sy_err *err)
{
    const char *why = err->text;

    if (reply->cause == SY_CAUSE_CONNECT_REFUSED)
        why = "nothing listens there; `switchyard serve` starts a gateway";
    if (reply->cause == SY_CAUSE_DNS)
        why = "the name does not resolve";
    if (reply->cause == SY_CAUSE_TLS_UNTRUSTED)
        why = "its certificate is not trusted; SSL_CERT_FILE may name the authority's";
    return cli_fail(cli, "%.*s does not answer: %s", SY_FMT(cli->url), why);
}

int cli_ask(struct cli *cli, const struct cli_ask *ask, struct cli_reply *ret)
{
    struct sy_str url[2] = {cli->url, ask->path}, bearer[2] = {SY_STR("Bearer "), cli->key};
    struct sy_request request = {
        .verb = ask->verb,
        .url = sy_arena_join(&cli->arena, url, 2),
        .headers = {{SY_STR("authorization"), sy_arena_join(&cli->arena, bearer, 2), true}},
        .header_count = 1,
        .effect = ask->verb == SY_VERB_GET ? SY_REQUEST_NONE : SY_REQUEST_WRITE,
        .reply_cap = REPLY_MAX,
    };
    struct sy_str none = {NULL, 0}, type = ask->content_type;
    struct sy_err err = SY_ERR_INIT;
    struct sy_fetch_reply reply;

    if (ask->body.ptr) {
        add_header(&request, SY_STR("content-type"), type.ptr ? type : SY_STR("application/json"));
        request.body[0] = ask->body;
        request.body_count = 1;
    }
    add_header(&request, SY_STR("if-match"), ask->if_match);
    add_header(&request, SY_STR("if-none-match"), ask->must_be_new ? SY_STR("*") : none);
    *ret = (struct cli_reply){0};
    fflush(stdout);
    if (sy_fetch(cli->fetcher, &request, CLIENT_TIMEOUT_MS, &cli->arena, &reply, &err) != SY_OK)
        return no_answer(cli, &reply, &err);
    ret->status = reply.status;
    ret->body = reply.body;
    ret->etag = reply.etag;
    ret->content_type = reply.content_type;
    /* A result may be as deep as payloads may be, inside our envelope. */
    if (sy_json_read(reply.body, SY_JSON_DEPTH_MAX + 8, &ret->root, NULL) != SY_OK)
        ret->root = (struct sy_json){0};
    return SY_EXIT_DONE;
}

int cli_get_done(struct cli *cli, const struct cli_ask *ask, struct cli_reply *ret)
{
    int code = cli_ask(cli, ask, ret);

    if (code == SY_EXIT_DONE && (ret->status < 200 || ret->status > 299))
        code = cli_problem(cli, ret);
    return code;
}

void cli_writer(struct cli *cli, struct sy_buf *out, struct sy_json_writer *w)
{
    sy_buf_init_arena(out, &cli->arena, REPLY_MAX);
    sy_jw_init(w, out);
}

/* ---- lists ---- */

static struct sy_str page_path(struct cli *cli, struct sy_str path, struct sy_str cursor)
{
    struct sy_buf out;

    sy_buf_init_arena(&out, &cli->arena, 65536);
    sy_buf_append(&out, path);
    cli_query(&out, "limit", SY_STR("200"));
    cli_query(&out, "cursor", cursor);
    return sy_buf_str(&out);
}

static size_t splice_items(struct sy_json_writer *w, struct sy_json items)
{
    struct sy_json_iter iter = sy_json_iter(items);
    struct sy_json item;
    struct sy_str name;
    size_t count = 0;

    for (; sy_json_next(&iter, &name, &item); count++)
        sy_jw_raw(w, item.raw);
    return count;
}

int cli_list(struct cli *cli, struct sy_str path, struct sy_json *ret_items)
{
    struct sy_str cursor = {NULL, 0};
    struct sy_json_writer w;
    struct sy_json root;
    struct sy_buf all;
    size_t count = 0;

    cli_writer(cli, &all, &w);
    sy_jw_object(&w);
    sy_jw_name(&w, "items");
    sy_jw_array(&w);
    do {
        struct cli_ask ask = {.verb = SY_VERB_GET, .path = page_path(cli, path, cursor)};
        struct cli_reply reply;
        int code = cli_get_done(cli, &ask, &reply);

        if (code != SY_EXIT_DONE)
            return code;
        count += splice_items(&w, sy_json_get_z(reply.root, "items"));
        cursor = sy_json_text(sy_json_get_z(reply.root, "next_cursor"), &cli->arena);
    } while (cursor.len && count < LIST_ITEMS_MAX);
    sy_jw_array_end(&w);
    sy_jw_object_end(&w);
    if (!sy_buf_ok(&all) ||
        sy_json_read(sy_buf_str(&all), SY_JSON_DEPTH_MAX + 8, &root, NULL) != SY_OK)
        return cli_fail(cli, "the list is too long");
    *ret_items = sy_json_get_z(root, "items");
    if (cli->json)
        cli_print_json(cli, sy_buf_str(&all));
    return SY_EXIT_DONE;
}

void cli_segment(struct sy_buf *path, struct sy_str segment)
{
    sy_buf_append_char(path, '/');
    sy_percent(path, segment);
}

void cli_query(struct sy_buf *path, const char *name, struct sy_str value)
{
    if (!value.ptr)
        return;
    sy_buf_append_char(path, sy_str_find_char(sy_buf_str(path), '?') == (size_t)-1 ? '?' : '&');
    sy_buf_append_z(path, name);
    sy_buf_append_char(path, '=');
    sy_percent(path, value);
}
