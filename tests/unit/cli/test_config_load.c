#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/config_load.h"

struct rig {
    char folder[64];
    struct sy_config config;
    struct sy_loaded_policy policy;
    struct sy_faults faults;
};

static void write_file(const struct rig *rig, const char *name, const char *text)
{
    char path[128];
    FILE *file;

    snprintf(path, sizeof(path), "%s/%s", rig->folder, name);
    file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static void make_folder(const struct rig *rig, const char *name)
{
    char path[128];

    snprintf(path, sizeof(path), "%s/%s", rig->folder, name);
    assert_int_equal(mkdir(path, 0700), 0);
}

static int load(struct rig *rig, const char *text)
{
    char path[128];
    int status;

    write_file(rig, "switchyard.yaml", text);
    snprintf(path, sizeof(path), "%s/switchyard.yaml", rig->folder);
    sy_faults_init(&rig->faults);
    assert_int_equal(sy_config_load(sy_str_of(path), &rig->config, &rig->faults), SY_OK);
    status = sy_policy_from_config(&rig->config, &rig->policy, &rig->faults);
    if (status == SY_OK)
        sy_arena_release(&rig->policy.arena);
    sy_config_release(&rig->config);
    return status;
}

static void begin(struct rig *rig)
{
    snprintf(rig->folder, sizeof(rig->folder), "/tmp/sy-config-XXXXXX");
    assert_non_null(mkdtemp(rig->folder));
}

static void end(struct rig *rig, const char *const *names, size_t count)
{
    char path[128];

    sy_faults_release(&rig->faults);
    for (size_t i = 0; i < count; i++) {
        snprintf(path, sizeof(path), "%s/%s", rig->folder, names[i]);
        assert_int_equal(remove(path), 0);
    }
    assert_int_equal(rmdir(rig->folder), 0);
}

static void without_a_policy_anywhere_the_built_in_one_serves(void **state)
{
    static const char *const files[] = {"switchyard.yaml"};
    struct rig rig;

    (void)state;
    begin(&rig);
    assert_int_equal(load(&rig, "threads: 1\n"), SY_OK);
    end(&rig, files, SY_ARRAY_LEN(files));
}

static void a_named_folder_that_is_missing_is_a_fault(void **state)
{
    static const char *const files[] = {"switchyard.yaml"};
    struct rig rig;

    (void)state;
    begin(&rig);
    assert_true(load(&rig, "policies: rules/\n") != SY_OK);
    assert_true(rig.faults.text.len > 0);
    end(&rig, files, SY_ARRAY_LEN(files));
}

static void a_named_folder_without_a_policy_is_a_fault(void **state)
{
    static const char *const files[] = {"switchyard.yaml", "rules"};
    struct rig rig;

    (void)state;
    begin(&rig);
    make_folder(&rig, "rules");
    assert_true(load(&rig, "policies: rules/\n") != SY_OK);
    assert_true(rig.faults.text.len > 0);
    end(&rig, files, SY_ARRAY_LEN(files));
}

static void a_named_folder_with_a_policy_is_read(void **state)
{
    static const char *const files[] = {"switchyard.yaml", "rules/a.yaml", "rules"};
    struct rig rig;

    (void)state;
    begin(&rig);
    make_folder(&rig, "rules");
    write_file(&rig, "rules/a.yaml", "version: 1\n");
    assert_int_equal(load(&rig, "policies: rules/\n"), SY_OK);
    end(&rig, files, SY_ARRAY_LEN(files));
}

static void a_pipe_is_no_configuration_and_no_policy(void **state)
{
    struct rig rig;
    char path[128];

    (void)state;
    begin(&rig);
    snprintf(path, sizeof(path), "%s/pipe.yaml", rig.folder);
    assert_int_equal(mkfifo(path, 0600), 0);
    sy_faults_init(&rig.faults);
    assert_int_equal(sy_config_load(sy_str_of(path), &rig.config, &rig.faults), SY_INVALID);
    assert_non_null(strstr(rig.faults.text.ptr, "not a regular file"));
    sy_config_release(&rig.config);
    sy_faults_release(&rig.faults);
    assert_int_equal(load(&rig, "policies: pipe.yaml\n"), SY_INVALID);
    end(&rig, (const char *const[]){"switchyard.yaml", "pipe.yaml"}, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_policy_anywhere_the_built_in_one_serves),
        cmocka_unit_test(a_named_folder_that_is_missing_is_a_fault),
        cmocka_unit_test(a_named_folder_without_a_policy_is_a_fault),
        cmocka_unit_test(a_named_folder_with_a_policy_is_read),
        cmocka_unit_test(a_pipe_is_no_configuration_and_no_policy),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
