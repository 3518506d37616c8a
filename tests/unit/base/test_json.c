/* The validator: grammar, exact faults, depth, and the public corpora where they are at hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/encode.h"
#include "base/json.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int read_text(struct sy_str text, struct sy_json *root, struct sy_json_fault *fault)
{
    return sy_json_read(text, SY_JSON_DEPTH_MAX, root, fault);
}

static void a_fault_names_the_first_byte_that_cannot_be_right(void **state)
{
    static const struct {
        struct sy_str text;
        size_t offset;
        const char *why;
    } rows[] = {
        {SY_STR_INIT(""), 0, "text ends too early"},
        {SY_STR_INIT(" \n\t\r"), 4, "text ends too early"},
        {SY_STR_INIT("\xef\xbb\xbf{}"), 0, "value expected"},
        {SY_STR_INIT("\xef\xbb"), 0, "value expected"},
        {SY_STR_INIT("\f1"), 0, "value expected"},
        {SY_STR_INIT("[01]"), 2, "comma or ] expected"},
        {SY_STR_INIT("-01"), 2, "bytes after the value"},
        {SY_STR_INIT("[1.]"), 3, "digit expected in number"},
        {SY_STR_INIT("[2.e3]"), 3, "digit expected in number"},
        {SY_STR_INIT("[.5]"), 1, "value expected"},
        {SY_STR_INIT("[+1]"), 1, "value expected"},
        {SY_STR_INIT("-"), 1, "text ends too early"},
        {SY_STR_INIT("[-x]"), 2, "digit expected in number"},
        {SY_STR_INIT("1e"), 2, "text ends too early"},
        {SY_STR_INIT("[1e+]"), 4, "digit expected in number"},
        {SY_STR_INIT("[0x1]"), 2, "comma or ] expected"},
        {SY_STR_INIT("NaN"), 0, "value expected"},
        {SY_STR_INIT("nul"), 3, "text ends too early"},
        {SY_STR_INIT("nulx"), 3, "unknown literal"},
        {SY_STR_INIT("True"), 0, "value expected"},
        {SY_STR_INIT("true1"), 4, "bytes after the value"},
        {SY_STR_INIT("[1,]"), 3, "value expected"},
        {SY_STR_INIT("[,1]"), 1, "value expected"},
        {SY_STR_INIT("[1 2]"), 3, "comma or ] expected"},
        {SY_STR_INIT("[1}"), 2, "comma or ] expected"},
        {SY_STR_INIT("["), 1, "text ends too early"},
        {SY_STR_INIT("]"), 0, "value expected"},
        {SY_STR_INIT("{"), 1, "text ends too early"},
        {SY_STR_INIT("{,}"), 1, "member name expected"},
        {SY_STR_INIT("{1:2}"), 1, "member name expected"},
        {SY_STR_INIT("{\"a\" 1}"), 5, "colon expected after member name"},
        {SY_STR_INIT("{\"a\":}"), 5, "value expected"},
        {SY_STR_INIT("{\"a\":1,}"), 7, "member name expected"},
        {SY_STR_INIT("{\"a\":1]"), 6, "comma or } expected"},
        {SY_STR_INIT("{\"a\":[{}}"), 8, "comma or ] expected"},
        {SY_STR_INIT("{'a':1}"), 1, "member name expected"},
        {SY_STR_INIT("{} x"), 3, "bytes after the value"},
        {SY_STR_INIT("[1]//c"), 3, "bytes after the value"},
        {SY_STR_INIT("{}\0"), 2, "bytes after the value"},
        {SY_STR_INIT("\"abc"), 4, "text ends too early"},
        {SY_STR_INIT("\"abc\\"), 5, "text ends too early"},
        {SY_STR_INIT("\"\\q\""), 2, "unknown escape in string"},
        {SY_STR_INIT("\"\\\0\""), 2, "unknown escape in string"},
        {SY_STR_INIT("\"\\uqqqq\""), 3, "bad \\u escape in string"},
        {SY_STR_INIT("\"ab\\u12Z4cd\""), 7, "bad \\u escape in string"},
        {SY_STR_INIT("\"\\u12\""), 5, "bad \\u escape in string"},
        {SY_STR_INIT("\"\\u12"), 5, "text ends too early"},
        {SY_STR_INIT("\"a\tb\""), 2, "control byte in string"},
        {SY_STR_INIT("\"0123456789abcdef\n\""), 17, "control byte in string"},
        {SY_STR_INIT("{\"a\0\":1}"), 3, "control byte in string"},
        {SY_STR_INIT("\"\xff\""), 1, "invalid UTF-8 in string"},
        {SY_STR_INIT("\"\xc0\xaf\""), 1, "invalid UTF-8 in string"},
        {SY_STR_INIT("\"\xe0\x9f\xbf\""), 2, "invalid UTF-8 in string"},
        {SY_STR_INIT("\"\xed\xa0\x80\""), 2, "invalid UTF-8 in string"},
        {SY_STR_INIT("\"\xf4\x90\x80\x80\""), 2, "invalid UTF-8 in string"},
        {SY_STR_INIT("\"\xe6\x97\""), 3, "invalid UTF-8 in string"},
        {SY_STR_INIT("\"\xe6\x97"), 3, "text ends too early"},
        {SY_STR_INIT("\"01234567\x80\""), 9, "invalid UTF-8 in string"},
    };

    (void)state;
    for (size_t i = 0; i < SY_ARRAY_LEN(rows); i++) {
        struct sy_json root = {.type = SY_JSON_TRUE};
        struct sy_json_fault fault = {0};
        if (read_text(rows[i].text, &root, &fault) != SY_INVALID ||
            fault.offset != rows[i].offset || strcmp(fault.why, rows[i].why) != 0)
            fail_msg("row %zu: offset %zu, %s", i, fault.offset,
                     fault.why ? fault.why : "accepted");
        assert_int_equal(root.type, SY_JSON_TRUE); /* untouched */
        assert_int_equal(read_text(rows[i].text, &root, NULL), SY_INVALID);
    }
}

static void a_root_is_given_with_its_type_and_without_space_around(void **state)
{
    static const struct {
        struct sy_str text;
        struct sy_str raw;
        enum sy_json_type type;
    } rows[] = {
        {SY_STR_INIT(" null\n"), SY_STR_INIT("null"), SY_JSON_NULL},
        {SY_STR_INIT("false"), SY_STR_INIT("false"), SY_JSON_FALSE},
        {SY_STR_INIT("\t true"), SY_STR_INIT("true"), SY_JSON_TRUE},
        {SY_STR_INIT("-0"), SY_STR_INIT("-0"), SY_JSON_NUMBER},
        {SY_STR_INIT("1E400 "), SY_STR_INIT("1E400"), SY_JSON_NUMBER},
        {SY_STR_INIT(" \" a \" "), SY_STR_INIT("\" a \""), SY_JSON_STRING},
        {SY_STR_INIT(" [ ] "), SY_STR_INIT("[ ]"), SY_JSON_ARRAY},
        {SY_STR_INIT(" { } "), SY_STR_INIT("{ }"), SY_JSON_OBJECT},
        {SY_STR_INIT("{\"a\" : [ { \"b\" : [ ] } , 1 ] , \"a\" : { } }"),
         SY_STR_INIT("{\"a\" : [ { \"b\" : [ ] } , 1 ] , \"a\" : { } }"), SY_JSON_OBJECT},
        {SY_STR_INIT("\"\\ud800 \\u0000 \\\"\\\\\\/\\b\\f\\n\\r\\t \x7f \xf4\x8f\xbf\xbf\""),
         SY_STR_INIT("\"\\ud800 \\u0000 \\\"\\\\\\/\\b\\f\\n\\r\\t \x7f \xf4\x8f\xbf\xbf\""),
         SY_JSON_STRING},
    };

    (void)state;
    for (size_t i = 0; i < SY_ARRAY_LEN(rows); i++) {
        struct sy_json root = {0};
        assert_int_equal(read_text(rows[i].text, &root, NULL), SY_OK);
        assert_int_equal(root.type, rows[i].type);
        assert_true(sy_str_eq(root.raw, rows[i].raw));
    }
}

/* Every text is read from a heap block of its exact size, so that a read past it is seen. */
static int read_exact(struct sy_str text, unsigned max_depth, struct sy_json_fault *fault)
{
    char *copy = malloc(text.len ? text.len : 1);
    struct sy_json root;
    int status;

    assert_non_null(copy);
    memcpy(copy, text.ptr, text.len);
    status = sy_json_read(sy_str_from(copy, text.len), max_depth, &root, fault);
    free(copy);
    return status;
}

static void no_cut_of_a_document_is_a_document(void **state)
{
    static const struct sy_str whole =
        SY_STR_INIT("{\"name\":\"caf\xc3\xa9 "
                    "\\u00e9\\n\",\"list\":[1,-2.5e+3,true,false,null,[],{}],\"o\":{}}");

    (void)state;
    assert_int_equal(read_exact(whole, 8, NULL), SY_OK);
    for (size_t len = 0; len < whole.len; len++) {
        struct sy_json_fault fault = {0};
        assert_int_equal(read_exact(sy_str_head(whole, len), 8, &fault), SY_INVALID);
        assert_int_equal(fault.offset, len);
        assert_string_equal(fault.why, "text ends too early");
    }
}

static void depth_is_counted_and_limited(void **state)
{
    static const struct {
        struct sy_str text;
        unsigned depth;
        size_t offset;
    } rows[] = {
        {SY_STR_INIT("1"), 0, 0},
        {SY_STR_INIT("[]"), 1, 0},
        {SY_STR_INIT("[1,[2],[3]]"), 2, 3},
        {SY_STR_INIT("[{},{\"a\":{}}]"), 3, 9},
        {SY_STR_INIT("{\"a\":[[1]]}"), 3, 6},
    };
    struct sy_buf buf;
    struct sy_json_fault fault;
    struct sy_json root;

    (void)state;
    for (size_t i = 0; i < SY_ARRAY_LEN(rows); i++) {
        assert_int_equal(read_exact(rows[i].text, rows[i].depth, NULL), SY_OK);
        if (rows[i].depth == 0)
            continue;
        assert_int_equal(read_exact(rows[i].text, rows[i].depth - 1, &fault), SY_INVALID);
        assert_int_equal(fault.offset, rows[i].offset);
        assert_string_equal(fault.why, "nested too deep");
    }

    /* However large the limit asked for, the house limit holds, and nothing recurses. */
    sy_buf_init(&buf, 1 << 22);
    for (unsigned i = 0; i < 1000000; i++)
        sy_buf_append_char(&buf, '[');
    assert_int_equal(sy_json_read(sy_buf_str(&buf), UINT32_MAX, &root, &fault), SY_INVALID);
    assert_int_equal(fault.offset, SY_JSON_DEPTH_MAX);
    assert_string_equal(fault.why, "nested too deep");
    sy_buf_release(&buf);
}

static struct sy_str read_file(const char *folder, const char *name, struct sy_buf *buf)
{
    char path[1024];
    FILE *file;
    size_t got;

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    file = fopen(path, "rb");
    if (!file)
        return (struct sy_str){NULL, 0};
    sy_buf_clear(buf);
    do {
        char *to = sy_buf_reserve(buf, 65536);
        assert_non_null(to);
        got = fread(to, 1, 65536, file);
        sy_buf_grown(buf, got);
    } while (got > 0);
    fclose(file);
    return sy_buf_str(buf);
}

static bool corpus_folder(char *out, size_t size, const char *below)
{
    const char *shared = getenv("SY_SHARED_DIR");
    DIR *dir;

    if (!shared)
        return false;
    snprintf(out, size, "%s/data/corpora/%s", shared, below);
    dir = opendir(out);
    if (dir)
        closedir(dir);
    return dir != NULL;
}

/* Our answers where the grammar leaves a choice. Numbers of any size and unpaired surrogate escapes
 * are grammatical and pass; what is not UTF-8 does not. */
static const struct {
    const char *name;
    bool accepted;
} free_choice[] = {
    {"i_number_double_huge_neg_exp.json", true},
    {"i_number_huge_exp.json", true},
    {"i_number_neg_int_huge_exp.json", true},
    {"i_number_pos_double_huge_exp.json", true},
    {"i_number_real_neg_overflow.json", true},
    {"i_number_real_pos_overflow.json", true},
    {"i_number_real_underflow.json", true},
    {"i_number_too_big_neg_int.json", true},
    {"i_number_too_big_pos_int.json", true},
    {"i_number_very_big_negative_int.json", true},
    {"i_object_key_lone_2nd_surrogate.json", true},
    {"i_string_1st_surrogate_but_2nd_missing.json", true},
    {"i_string_1st_valid_surrogate_2nd_invalid.json", true},
    {"i_string_UTF-16LE_with_BOM.json", false},
    {"i_string_UTF-8_invalid_sequence.json", false},
    {"i_string_UTF8_surrogate_U+D800.json", false},
    {"i_string_incomplete_surrogate_and_escape_valid.json", true},
    {"i_string_incomplete_surrogate_pair.json", true},
    {"i_string_incomplete_surrogates_escape_valid.json", true},
    {"i_string_invalid_lonely_surrogate.json", true},
    {"i_string_invalid_surrogate.json", true},
    {"i_string_invalid_utf-8.json", false},
    {"i_string_inverted_surrogates_U+1D11E.json", true},
    {"i_string_iso_latin_1.json", false},
    {"i_string_lone_second_surrogate.json", true},
    {"i_string_lone_utf8_continuation_byte.json", false},
    {"i_string_not_in_unicode_range.json", false},
    {"i_string_overlong_sequence_2_bytes.json", false},
    {"i_string_overlong_sequence_6_bytes.json", false},
    {"i_string_overlong_sequence_6_bytes_null.json", false},
    {"i_string_truncated-utf-8.json", false},
    {"i_string_utf16BE_no_BOM.json", false},
    {"i_string_utf16LE_no_BOM.json", false},
    {"i_structure_500_nested_arrays.json", true},
    {"i_structure_UTF-8_BOM_empty_object.json", false},
};

static bool expected_answer(const char *name)
{
    if (name[0] != 'i')
        return name[0] == 'y';
    for (size_t i = 0; i < SY_ARRAY_LEN(free_choice); i++) {
        if (strcmp(free_choice[i].name, name) == 0)
            return free_choice[i].accepted;
    }
    fail_msg("%s has no row in the table", name);
    return false;
}

static void the_test_suite_of_nst_is_answered_in_full(void **state)
{
    unsigned seen[256] = {0};
    unsigned wrong = 0;
    char folder[512];
    struct dirent *entry;
    struct sy_buf buf;
    DIR *dir;

    (void)state;
    if (!corpus_folder(folder, sizeof(folder), "json-nst/test_parsing")) {
        print_message("skipped: SY_SHARED_DIR has no data/corpora/json-nst\n");
        skip();
    }
    dir = opendir(folder);
    assert_non_null(dir);
    sy_buf_init(&buf, 1 << 22);
    while ((entry = readdir(dir))) {
        struct sy_json_fault fault = {0};
        if (!sy_str_ends(sy_str_of(entry->d_name), SY_STR(".json")))
            continue;
        struct sy_str text = read_file(folder, entry->d_name, &buf);
        bool accepted = read_exact(text, SY_JSON_DEPTH_MAX, &fault) == SY_OK;
        seen[(unsigned char)entry->d_name[0]]++;
        if (accepted != expected_answer(entry->d_name)) {
            print_error("%s: %s\n", entry->d_name, accepted ? "accepted" : fault.why);
            wrong++;
        }
        assert_true(accepted || (fault.why && fault.offset <= text.len));
    }
    closedir(dir);
    sy_buf_release(&buf);
    assert_int_equal(wrong, 0);
    assert_int_equal(seen['y'], 95);
    assert_int_equal(seen['n'], 188);
    assert_int_equal(seen['i'], SY_ARRAY_LEN(free_choice));
}

/* Hex digits with spaces between, or the word nothing. */
static struct sy_str hex_column(struct sy_str column, unsigned char *out, size_t size)
{
    struct sy_buf digits;
    size_t len;

    sy_buf_init(&digits, 4096);
    for (size_t i = 0; i < column.len && !sy_str_eq(column, SY_STR("nothing")); i++) {
        if (column.ptr[i] != ' ')
            sy_buf_append_char(&digits, column.ptr[i]);
    }
    len = digits.len / 2;
    assert_true(len <= size);
    assert_true(sy_unhex(sy_buf_str(&digits), out, len));
    sy_buf_release(&digits);
    return sy_str_from((const char *)out, len);
}

/* Checks the bytes as text, as a JSON string value and as a member name; what is invalid must be
 * refused in all three, and come out of the writer replaced as the corpus says. */
static void check_utf8_row(struct sy_str bytes, bool valid, struct sy_str replaced)
{
    struct sy_buf buf;
    struct sy_json root;

    assert_int_equal(sy_str_is_utf8(bytes), valid);
    sy_buf_init(&buf, 4096);
    sy_buf_append(&buf, SY_STR("{\""));
    sy_buf_append(&buf, bytes);
    sy_buf_append(&buf, SY_STR("\":\""));
    sy_buf_append(&buf, bytes);
    sy_buf_append(&buf, SY_STR("\"}"));
    assert_int_equal(read_exact(sy_buf_str(&buf), 1, NULL), valid ? SY_OK : SY_INVALID);

    sy_buf_clear(&buf);
    sy_json_quote(&buf, bytes);
    assert_int_equal(read_text(sy_buf_str(&buf), &root, NULL), SY_OK);
    assert_true(sy_json_name_is(root.raw, valid ? bytes : replaced));
    sy_buf_release(&buf);
}

static void the_utf8_corpus_is_told_right_from_wrong(void **state)
{
    unsigned rows = 0;
    unsigned invalid = 0;
    char folder[512];
    struct sy_buf buf;
    struct sy_str rest;
    struct sy_str line;

    (void)state;
    if (!corpus_folder(folder, sizeof(folder), "utf8")) {
        print_message("skipped: SY_SHARED_DIR has no data/corpora/utf8\n");
        skip();
    }
    sy_buf_init(&buf, 1 << 20);
    rest = read_file(folder, "utf8tests.txt", &buf);
    assert_non_null(rest.ptr);
    while (sy_str_split(&rest, '\n', &line)) {
        unsigned char bytes[512];
        unsigned char replaced[512];
        struct sy_str column[5] = {{NULL, 0}};
        if (line.len == 0 || line.ptr[0] == '#')
            continue;
        for (size_t i = 0; i < 5 && sy_str_split(&line, ':', &column[i]); i++)
            continue;
        rows++;
        column[1] = sy_str_trim(column[1]);
        if (sy_str_eq(column[1], SY_STR("valid"))) {
            check_utf8_row(column[2], true, column[2]);
        } else if (sy_str_eq(column[1], SY_STR("valid hex"))) {
            struct sy_str text = hex_column(column[2], bytes, sizeof(bytes));
            assert_true(sy_str_is_utf8(text));
        } else {
            invalid++;
            check_utf8_row(hex_column(column[2], bytes, sizeof(bytes)), false,
                           hex_column(column[4], replaced, sizeof(replaced)));
        }
    }
    sy_buf_release(&buf);
    assert_int_equal(rows, 222);
    assert_int_equal(invalid, 145);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_fault_names_the_first_byte_that_cannot_be_right),
        cmocka_unit_test(a_root_is_given_with_its_type_and_without_space_around),
        cmocka_unit_test(no_cut_of_a_document_is_a_document),
        cmocka_unit_test(depth_is_counted_and_limited),
        cmocka_unit_test(the_test_suite_of_nst_is_answered_in_full),
        cmocka_unit_test(the_utf8_corpus_is_told_right_from_wrong),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
