/*
 * What libyaml accepts and YAML does not, seen in the text between and under its events: comments
 * that touch a value, flow lines that are not indented, "[-]", "{?x: 1}". Without libyaml's types.
 */
#ifndef SY_CONFIG_YAML_STRICT_H
#define SY_CONFIG_YAML_STRICT_H

#include "base/str.h"

struct sy_yaml_strict {
    struct sy_str text;
    size_t character; /* cursor: libyaml counts characters, we count bytes */
    size_t offset;
    size_t seen; /* bytes up to here belong to events that were looked at */
};

/* Byte offset of a character index; cheap while indexes grow. */
size_t sy_yaml_offset(struct sy_yaml_strict *s, size_t character);
/* Each answers what is wrong, or NULL. Offsets are in bytes, `indent` is the column of the block
 * collection around, or -1. */
const char *sy_yaml_check_gap(struct sy_yaml_strict *s, size_t until);
const char *sy_yaml_check_lines(struct sy_str text, size_t from, size_t until, long indent);
const char *sy_yaml_check_flow_scalar(struct sy_str text, size_t from, size_t until);
const char *sy_yaml_check_block_scalar(struct sy_str text, size_t from);

#endif
