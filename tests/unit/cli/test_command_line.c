/* The command line as a whole: what is found, refused, and with which exit code. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "cli/cli.h"
#include "cli/cli_int.h"

#define WORDS_MAX 8

/* Runs with stdout and stderr put aside. */
static int run(const char *const *words)
{
    int out = dup(STDOUT_FILENO), err = dup(STDERR_FILENO), argc = 1, code;
    char *argv[WORDS_MAX + 2] = {strdup("switchyard")};
    FILE *nowhere = fopen("/dev/null", "w");

    assert_true(nowhere != NULL && out >= 0 && err >= 0);
    for (; argc <= WORDS_MAX && words[argc - 1]; argc++)
        argv[argc] = strdup(words[argc - 1]);
    fflush(stdout);
    dup2(fileno(nowhere), STDOUT_FILENO);
    dup2(fileno(nowhere), STDERR_FILENO);
    code = sy_cli_main(argc, argv);
    fflush(stdout);
    dup2(out, STDOUT_FILENO);
    dup2(err, STDERR_FILENO);
    close(out);
    close(err);
    fclose(nowhere);
    for (int i = 0; i < argc; i++)
        free(argv[i]);
    return code;
}

struct line {
    const char *words[WORDS_MAX];
    int code;
};

static const struct line LINES[] = {
    {{NULL}, SY_EXIT_USAGE},
    {{"--help"}, SY_EXIT_DONE},
    {{"help"}, SY_EXIT_DONE},
    {{"version"}, SY_EXIT_DONE},
    {{"--version"}, SY_EXIT_DONE},
    {{"version", "--output", "json"}, SY_EXIT_DONE},
    {{"version", "--output=json"}, SY_EXIT_DONE},
    {{"version", "--output=yaml"}, SY_EXIT_USAGE},
    {{"version", "--output"}, SY_EXIT_USAGE},
    {{"version", "--help=yes"}, SY_EXIT_USAGE},
    {{"version", "again"}, SY_EXIT_USAGE},
    {{"version", "--", "--help"}, SY_EXIT_USAGE},
    {{"registry"}, SY_EXIT_USAGE},
    {{"registry", "list", "--help"}, SY_EXIT_DONE},
    {{"list"}, SY_EXIT_USAGE},
    {{"regis"}, SY_EXIT_USAGE},
    {{"call"}, SY_EXIT_USAGE},
    {{"call", "--help"}, SY_EXIT_DONE},
    {{"call", "a_b", "--user", "u", "--user", "v"}, SY_EXIT_USAGE},
    {{"call", "a_b"}, SY_EXIT_FAILED}, /* no key */
};

static void every_line_ends_with_its_exit_code(void **state)
{
    (void)state;
    unsetenv("SWITCHYARD_KEY");
    for (size_t i = 0; i < SY_ARRAY_LEN(LINES); i++) {
        int code = run(LINES[i].words);

        if (code != LINES[i].code)
            print_error("line %zu\n", i);
        assert_int_equal(code, LINES[i].code);
    }
}

static void every_command_can_be_told_from_the_others_and_explains_itself(void **state)
{
    (void)state;
    for (size_t i = 0; cli_commands[i]; i++) {
        const struct cli_command *command = cli_commands[i];

        assert_true(command->name && command->arguments && command->summary && command->run);
        assert_int_equal(command->summary[strlen(command->summary) - 1], '.');
        assert_true(command->words_min <= command->words_max);
        for (size_t before = 0; before < i; before++)
            assert_string_not_equal(cli_commands[before]->name, command->name);
        for (const struct cli_option *o = command->options; o && o->name; o++)
            assert_true(!strncmp(o->name, "--", 2) && o->help);
    }
}

static void a_query_is_encoded_and_absent_values_are_left_out(void **state)
{
    struct sy_buf path;

    (void)state;
    sy_buf_init(&path, 4096);
    sy_buf_append_z(&path, "/v1/x");
    cli_segment(&path, SY_STR("../a b/?"));
    cli_query(&path, "one", SY_STR("a&b=c d\r\n"));
    cli_query(&path, "none", (struct sy_str){NULL, 0});
    cli_query(&path, "two", SY_STR(""));
    assert_true(sy_str_eq(sy_buf_str(&path),
                          SY_STR("/v1/x/..%2Fa%20b%2F%3F?one=a%26b%3Dc%20d%0D%0A&two=")));
    sy_buf_release(&path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_line_ends_with_its_exit_code),
        cmocka_unit_test(every_command_can_be_told_from_the_others_and_explains_itself),
        cmocka_unit_test(a_query_is_encoded_and_absent_values_are_left_out),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
