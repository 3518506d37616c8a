#include "cli/cli.h"

#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/crypto.h"
#include "base/log.h"
#include "cli/cli_int.h"
#include "net/transfers.h"

static const struct cli_option client_options[] = {
    {"--url", "URL", "the gateway (default SWITCHYARD_URL, else http://127.0.0.1:8420)", false},
    {"--key", "KEY", "the key (default SWITCHYARD_KEY)", false},
    {"--config", "FILE", "work on this configuration's store, without a running gateway", false},
    {NULL, NULL, NULL, false},
};

static const struct cli_option common_options[] = {
    {"--output", "FORMAT", "text (default) or json", false},
    {"--help", NULL, "this text", false},
    {NULL, NULL, NULL, false},
};

/* ---- messages ---- */

static void __attribute__((format(printf, 1, 0))) say(const char *format, va_list args)
{
    fputs("switchyard: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
}

int cli_fail(struct cli *cli, const char *format, ...)
{
    va_list args;

    (void)cli;
    fflush(stdout);
    va_start(args, format);
    say(format, args);
    va_end(args);
    return SY_EXIT_FAILED;
}

void cli_note(struct cli *cli, const char *format, ...)
{
    va_list args;

    if (cli->json)
        return;
    fflush(stdout);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
}

int cli_usage(struct cli *cli, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    say(format, args);
    va_end(args);
    if (cli->command)
        fprintf(stderr, "usage: switchyard %s%s%s\n       switchyard %s --help tells more\n",
                cli->command->name, *cli->command->arguments ? " " : "", cli->command->arguments,
                cli->command->name);
    return SY_EXIT_USAGE;
}

/* ---- help ---- */

static void print_options(const struct cli_option *options)
{
    char left[64];

    for (; options && options->name; options++) {
        snprintf(left, sizeof(left), "%s%s%s", options->name, options->value ? " " : "",
                 options->value ? options->value : "");
        printf("  %-24s %s%s\n", left, options->help, options->repeated ? " (may repeat)" : "");
    }
}

static int print_help(const struct cli_command *command)
{
    printf("switchyard %s%s%s\n\n%s\n", command->name, *command->arguments ? " " : "",
           command->arguments, command->summary);
    if (command->details)
        printf("\n%s\n", command->details);
    puts("\nOptions:");
    print_options(command->options);
    if (command->client)
        print_options(client_options);
    print_options(common_options);
    return SY_EXIT_DONE;
}

static int print_overview(FILE *out)
{
    fputs("switchyard: one endpoint in front of every SaaS tool an agent may call\n\n"
          "usage: switchyard COMMAND [ARGUMENTS] [OPTIONS]\n\nCommands:\n",
          out);
    for (size_t i = 0; cli_commands[i]; i++)
        fprintf(out, "  %-18s %s\n", cli_commands[i]->name, cli_commands[i]->summary);
    fputs("\nFirst steps:  switchyard serve --sandbox   a gateway over local stand-ins; no keys\n"
          "More:         switchyard COMMAND --help\n",
          out);
    return out == stdout ? SY_EXIT_DONE : SY_EXIT_USAGE;
}

/* ---- reading the command line ---- */

/* The command whose words stand first; the longest wins ("key create" before "key"). */
static const struct cli_command *find_command(int argc, char **argv, int *ret_used)
{
    const struct cli_command *found = NULL;

    for (size_t i = 0; cli_commands[i]; i++) {
        struct sy_str rest = sy_str_of(cli_commands[i]->name), word;
        int used = 1;
        bool all = true;

        while (all && sy_str_split(&rest, ' ', &word))
            all = used < argc && sy_str_eq(sy_str_of(argv[used++]), word);
        if (all && (!found || used > *ret_used)) {
            found = cli_commands[i];
            *ret_used = used;
        }
    }
    return found;
}

static const struct cli_option *find_in(const struct cli_option *options, struct sy_str name)
{
    for (; options && options->name; options++)
        if (sy_str_eq(sy_str_of(options->name), name))
            return options;
    return NULL;
}

static const struct cli_option *find_option(const struct cli *cli, struct sy_str name)
{
    const struct cli_option *option = find_in(cli->command->options, name);

    if (!option && cli->command->client)
        option = find_in(client_options, name);
    return option ? option : find_in(common_options, name);
}

/* Takes one option off argv; returns how many words it used, or -1 after a message. */
static int take_option(struct cli *cli, int argc, char **argv, int at)
{
    struct sy_str word = sy_str_of(argv[at]), name = word, value = {"", 0};
    size_t equals = sy_str_find_char(word, '=');
    const struct cli_option *option;
    int used = 1;

    if (equals != (size_t)-1) {
        name = sy_str_head(word, equals);
        value = sy_str_skip(word, equals + 1);
    }
    option = find_option(cli, name);
    if (!option) {
        cli_usage(cli, "unknown option %.*s", SY_FMT(name));
        return -1;
    }
    if (!option->value && equals != (size_t)-1) {
        cli_usage(cli, "%s takes no value", option->name);
        return -1;
    }
    if (option->value && equals == (size_t)-1) {
        if (at + 1 >= argc) {
            cli_usage(cli, "%s wants a value: %s %s", option->name, option->name, option->value);
            return -1;
        }
        value = sy_str_of(argv[at + 1]);
        used = 2;
    }
    if ((!option->repeated && cli_has(cli, option->name)) || cli->given_count == CLI_OPTIONS_MAX) {
        cli_usage(cli, "%s is given more than once", option->name);
        return -1;
    }
    cli->given[cli->given_count].option = option;
    cli->given[cli->given_count++].value = value;
    return used;
}

static int read_words(struct cli *cli, int argc, char **argv, int at)
{
    bool only_words = false;

    while (at < argc) {
        int used = 1;

        if (!only_words && !strcmp(argv[at], "--")) {
            only_words = true;
        } else if (!only_words && argv[at][0] == '-' && argv[at][1] != '\0') {
            used = take_option(cli, argc, argv, at);
            if (used < 0)
                return SY_EXIT_USAGE;
        } else if (cli->word_count == CLI_WORDS_MAX) {
            return cli_usage(cli, "more than %d words", CLI_WORDS_MAX);
        } else {
            cli->words[cli->word_count++] = sy_str_of(argv[at]);
        }
        at += used;
    }
    return SY_EXIT_DONE;
}

struct sy_str cli_get_nth(const struct cli *cli, const char *option, unsigned n)
{
    for (unsigned i = 0; i < cli->given_count; i++)
        if (!strcmp(cli->given[i].option->name, option) && n-- == 0)
            return cli->given[i].value;
    return (struct sy_str){NULL, 0};
}

struct sy_str cli_get(const struct cli *cli, const char *option)
{
    return cli_get_nth(cli, option, 0);
}

bool cli_has(const struct cli *cli, const char *option)
{
    return cli_get(cli, option).ptr != NULL;
}

static int check_words(struct cli *cli)
{
    struct sy_str output = cli_get(cli, "--output");

    if (output.ptr && !sy_str_eq(output, SY_STR("json")) && !sy_str_eq(output, SY_STR("text")))
        return cli_usage(cli, "--output is text or json, not %.*s", SY_FMT(output));
    cli->json = sy_str_eq(output, SY_STR("json"));
    if (cli->word_count < cli->command->words_min)
        return cli_usage(cli, "too few words");
    if (cli->word_count > cli->command->words_max)
        return cli_usage(cli, "\"%.*s\" is one word too many",
                         SY_FMT(cli->words[cli->command->words_max]));
    return SY_EXIT_DONE;
}

static int run_command(struct cli *cli)
{
    struct sy_err err = SY_ERR_INIT;
    int code;

    if (sy_crypto_init() != SY_OK || sy_transfers_global_init(&err) != SY_OK)
        return cli_fail(cli, "the libraries cannot be started: %s", err.text);
    if (cli->command->client) {
        code = cli_connect(cli);
        if (code == SY_EXIT_DONE)
            code = cli->command->run(cli);
        fflush(stdout);
        cli_disconnect(cli);
    } else {
        code = cli->command->run(cli);
    }
    sy_transfers_global_cleanup();
    return code;
}

/* The commands that `word` begins ("key" alone: create, list, revoke); false if there are none. */
static bool print_group(FILE *out, const char *word)
{
    struct sy_str first = sy_str_of(word);
    bool begins = false;

    for (size_t i = 0; cli_commands[i]; i++) {
        const struct cli_command *command = cli_commands[i];
        struct sy_str name = sy_str_of(command->name);

        if (!sy_str_starts(name, first) || name.len <= first.len || name.ptr[first.len] != ' ')
            continue;
        fprintf(out, "  switchyard %s%s%s\n      %s\n", command->name,
                *command->arguments ? " " : "", command->arguments, command->summary);
        begins = true;
    }
    return begins;
}

/* The first word of the command that `word` is nearest to, within two edits; or an empty text. */
static struct sy_str nearest_command(const char *word)
{
    struct sy_str nearest = {"", 0};
    unsigned best = 3;

    for (size_t i = 0; cli_commands[i]; i++) {
        struct sy_str rest = sy_str_of(cli_commands[i]->name), first;
        unsigned edits =
            sy_str_split(&rest, ' ', &first) ? sy_str_distance(first, sy_str_of(word), best) : best;

        if (edits < best) {
            best = edits;
            nearest = first;
        }
    }
    return nearest;
}

static int unknown_command(int argc, char **argv)
{
    const char *word = argv[1];
    struct sy_str nearest = nearest_command(word);

    if (argc > 2 && (!strcmp(argv[2], "--help") || !strcmp(argv[2], "-h")) &&
        print_group(stdout, word))
        return SY_EXIT_DONE;
    /* An exact one begins a group: its second word is missing or not known. */
    if (sy_str_eq(nearest, sy_str_of(word))) {
        fprintf(stderr, "switchyard: %s what?\n", word);
        print_group(stderr, word);
    } else if (nearest.len) {
        fprintf(stderr, "switchyard: there is no command \"%s\"; did you mean %.*s?\n", word,
                SY_FMT(nearest));
    } else {
        fprintf(stderr,
                "switchyard: there is no command \"%s\"; switchyard --help lists them all\n", word);
    }
    return SY_EXIT_USAGE;
}

int sy_cli_main(int argc, char **argv)
{
    const char *no_colour = getenv("NO_COLOR");
    int used = 0, code;
    struct cli *cli;

    if (argc < 2)
        return print_overview(stderr);
    if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") || !strcmp(argv[1], "help"))
        return print_overview(stdout);
    /* A reader that has gone (`| head`) is an error of write, not the end of a gateway. */
    signal(SIGPIPE, SIG_IGN);
    /* So is a file at the limit of the process: to the ledger it is a full disk. */
    signal(SIGXFSZ, SIG_IGN);
    if (!strcmp(argv[1], "--version"))
        return puts("switchyard " SY_VERSION) < 0 ? SY_EXIT_FAILED : SY_EXIT_DONE;
    cli = calloc(1, sizeof(*cli));
    if (!cli)
        return SY_EXIT_FAILED;
    sy_arena_init(&cli->arena, (size_t)1 << 30);
    cli->out = stdout;
    cli->terminal = isatty(STDOUT_FILENO);
    cli->colour = cli->terminal && !(no_colour && *no_colour);
    cli->colour_err = isatty(STDERR_FILENO) && !(no_colour && *no_colour);
    cli->command = find_command(argc, argv, &used);
    if (!cli->command) {
        code = unknown_command(argc, argv);
    } else {
        code = read_words(cli, argc, argv, used);
        if (code == SY_EXIT_DONE && cli_has(cli, "--help"))
            code = print_help(cli->command);
        else if (code == SY_EXIT_DONE && (code = check_words(cli)) == SY_EXIT_DONE)
            code = run_command(cli);
    }
    if (fflush(stdout) != 0 && code == SY_EXIT_DONE)
        code = SY_EXIT_FAILED;
    sy_arena_release(&cli->arena);
    free(cli);
    return code;
}
