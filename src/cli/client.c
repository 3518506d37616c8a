#include <stdlib.h>

#include "base/crypto.h"
#include "base/encode.h"
#include "cli/cli_int.h"

#define CLIENT_TIMEOUT_MS 330000

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
        return cli_fail(cli, "%s", err.text);
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

int cli_request_with(struct cli *cli, enum sy_http_verb verb, struct sy_str path,
                     struct sy_str content_type, struct sy_str if_match, struct sy_str body,
                     struct cli_reply *ret)
{
    struct sy_str url[2] = {cli->url, path}, bearer[2] = {SY_STR("Bearer "), cli->key};
    struct sy_request request = {
        .verb = verb,
        .url = sy_arena_join(&cli->arena, url, 2),
        .headers = {{SY_STR("authorization"), sy_arena_join(&cli->arena, bearer, 2), true}},
        .header_count = 1,
        .effect = verb == SY_VERB_GET ? SY_REQUEST_NONE : SY_REQUEST_WRITE,
    };
    struct sy_err err = SY_ERR_INIT;
    struct sy_fetch_reply reply;

    if (body.ptr) {
        request.headers[request.header_count++] =
            (struct sy_header){SY_STR("content-type"), content_type, false};
        request.body[0] = body;
        request.body_count = 1;
    }
    if (if_match.ptr)
        request.headers[request.header_count++] =
            (struct sy_header){SY_STR("if-match"), if_match, false};
    *ret = (struct cli_reply){0};
    if (sy_fetch(cli->fetcher, &request, CLIENT_TIMEOUT_MS, &cli->arena, &reply, &err) != SY_OK)
        return cli_fail(cli, "%.*s does not answer: %s", SY_FMT(cli->url), err.text);
    ret->status = reply.status;
    ret->body = reply.body;
    ret->etag = reply.etag;
    ret->content_type = reply.content_type;
    if (sy_json_read(reply.body, SY_JSON_DEPTH_MAX, &ret->root, NULL) != SY_OK)
        ret->root = (struct sy_json){0};
    return SY_EXIT_DONE;
}

int cli_request(struct cli *cli, enum sy_http_verb verb, struct sy_str path, struct sy_str body,
                struct cli_reply *ret)
{
    return cli_request_with(cli, verb, path, SY_STR("application/json"), (struct sy_str){NULL, 0},
                            body, ret);
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
