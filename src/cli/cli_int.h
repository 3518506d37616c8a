/*
 * What the commands share: the parsed command line, output, and a client for the gateway's API.
 */
#ifndef SY_CLI_CLI_INT_H
#define SY_CLI_CLI_INT_H

#include <stdio.h>

#include "cli/cli.h"
#include "cli/fetch.h"
#include "cli/gateway.h"

#define CLI_OPTIONS_MAX 32
#define CLI_WORDS_MAX 512

/* ---- the command line ---- */

struct cli_option {
    const char *name;  /* "--user" */
    const char *value; /* metavariable; NULL: a switch */
    const char *help;  /* one sentence */
    bool repeated;
};

struct cli;
typedef int cli_run_fn(struct cli *cli);

struct cli_command {
    const char *name;                 /* "registry set" is found by its words */
    const char *arguments;            /* "TOOL [k=text] [k:=json]" */
    const char *summary;              /* one sentence, for the overview */
    const char *details;              /* paragraphs and examples, or NULL */
    const struct cli_option *options; /* ended by a row without a name */
    unsigned words_min, words_max;
    cli_run_fn *run;
    bool client; /* talks to a gateway: takes --url, --key, --config, --output */
};

/* All commands, ended by a row without a name; each lives in a file of its own. */
extern const struct cli_command *const cli_commands[];

struct cli {
    const struct cli_command *command;
    struct sy_arena arena;
    struct {
        const struct cli_option *option;
        struct sy_str value;
    } given[CLI_OPTIONS_MAX];
    unsigned given_count;
    struct sy_str words[CLI_WORDS_MAX]; /* positional */
    unsigned word_count;
    bool json;       /* --output json */
    bool terminal;   /* stdout is one */
    bool colour;     /* it is, and NO_COLOR is not set */
    bool colour_err; /* the same of stderr */
    FILE *out;       /* where cli_print and its like write: stdout, or stderr for remarks */

    /* client */
    struct sy_fetcher *fetcher;
    struct sy_gateway *own; /* --config: a gateway of this command's own */
    struct sy_config config;
    bool has_config;
    struct sy_str url, key;
    struct sy_str document; /* the file that the gateway's faults call "import" */
};

/* The value of an option, absent if not given; a switch gives "". */
struct sy_str cli_get(const struct cli *cli, const char *option);
bool cli_has(const struct cli *cli, const char *option);
/* The n-th value of a repeated option. */
struct sy_str cli_get_nth(const struct cli *cli, const char *option, unsigned n);
/* Usage error: prints it with the command's usage line; returns SY_EXIT_USAGE. */
int cli_usage(struct cli *cli, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Failure: prints "switchyard: …" on stderr; returns SY_EXIT_FAILED. */
int cli_fail(struct cli *cli, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* A note for people on stderr, left out with --output json. */
void cli_note(struct cli *cli, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* ---- output ---- */

enum cli_style { CLI_PLAIN, CLI_BOLD, CLI_DIM, CLI_GREEN, CLI_YELLOW, CLI_RED, CLI_CYAN };
/* Prints text; control characters in it become '?' so that no reply can drive a terminal. */
void cli_print(struct cli *cli, enum cli_style style, struct sy_str text);
void cli_printz(struct cli *cli, enum cli_style style, const char *text);
/* Plain text by a format; as long as 4,096 bytes. */
void cli_printf(struct cli *cli, const char *format, ...) __attribute__((format(printf, 2, 3)));
void cli_newline(struct cli *cli);
/* Remarks (how a call went, what to do next) go to stderr until cli_to_results. */
void cli_to_remarks(struct cli *cli);
void cli_to_results(struct cli *cli);
/* A JSON value, indented on a terminal, else as it is. */
void cli_print_json(struct cli *cli, struct sy_str json);
/* The text of a member by path ("route.vendor"): strings decoded, others as they stand, "" if there
 * is nothing. */
struct sy_str cli_text(struct cli *cli, struct sy_json value, const char *path);
/* The array's texts with `between` in between. */
struct sy_str cli_join(struct cli *cli, struct sy_json list, const char *between);

/* An object's members, one a line; those without a value are left out. */
void cli_print_members(struct cli *cli, struct sy_json object, const char *indent);
/* The rules behind a refusal, {rule, removed, why}, one a line (problem.c). */
void cli_print_rules(struct cli *cli, struct sy_json rules);
/* A decision's list of vendors, taken or not, and why (cmd_resolve.c). */
void cli_print_considered(struct cli *cli, struct sy_json decision);

#define CLI_COLUMNS_MAX 10
/* Rows of text, printed with aligned columns; cells over 60 characters are cut on a terminal. */
struct cli_table {
    const char *columns[CLI_COLUMNS_MAX];
    unsigned column_count;
    struct sy_str (*cells)[CLI_COLUMNS_MAX];
    size_t count, cap;
};
void cli_table_init(struct cli_table *table, const char *const *columns, unsigned count);
void cli_table_add(struct cli *cli, struct cli_table *table, const struct sy_str *cells);
void cli_table_print(struct cli *cli, const struct cli_table *table);
/* A table of an API list: one row for each of items, cells by member path ("route.vendor"). */
void cli_print_items(struct cli *cli, struct sy_json items, const char *const *columns,
                     const char *const *members, unsigned count);

/* ---- the gateway's API ---- */

struct cli_reply {
    int status;
    struct sy_str body;
    struct sy_json root; /* NONE when the body is not JSON */
    struct sy_str etag;
    struct sy_str content_type;
};

/*
 * Finds the gateway: --url/--key, SWITCHYARD_URL/SWITCHYARD_KEY, or with --config one of this
 * command's own on the configuration's store. SY_EXIT_DONE, else an exit code after a message.
 */
int cli_connect(struct cli *cli);
void cli_disconnect(struct cli *cli);
/* A writer for a request's body; take the text with sy_buf_str when it is done. */
void cli_writer(struct cli *cli, struct sy_buf *out, struct sy_json_writer *w);

struct cli_ask {
    enum sy_http_verb verb;
    struct sy_str path;         /* encoded already ("/v1/resolve?tool=…") */
    struct sy_str body;         /* absent: none */
    struct sy_str content_type; /* of the body; absent: application/json */
    struct sy_str if_match;     /* absent: no such header */
    bool must_be_new;           /* If-None-Match: * */
};
/* One request. Prints a message and returns an exit code when no reply came; a reply of any status
 * is SY_EXIT_DONE. */
int cli_ask(struct cli *cli, const struct cli_ask *ask, struct cli_reply *ret);
/* The same for what is wanted to succeed: anything but 2xx is printed as the problem it is. */
int cli_get_done(struct cli *cli, const struct cli_ask *ask, struct cli_reply *ret);
/* All pages of a list, at most 100,000 items, as one array; with --output json also printed as
 * {"items": […]}. */
int cli_list(struct cli *cli, struct sy_str path, struct sy_json *ret_items);
/* Appends one segment to a path, encoded. */
void cli_segment(struct sy_buf *path, struct sy_str segment);
/* Prints a problem document as people read it (code, detail, what to do; to stderr) or raw with
 * --output json; returns SY_EXIT_FAILED. */
int cli_problem(struct cli *cli, const struct cli_reply *reply);
/* "name=" + percent-encoded value, with & or ? in front; nothing for an absent value. */
void cli_query(struct sy_buf *path, const char *name, struct sy_str value);
/* Asks y/N on a terminal; true at once with --yes. */
bool cli_confirm(struct cli *cli, const char *question);

#endif
