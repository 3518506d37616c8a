# Joins the JSON files of INPUTS (a list) into one array and writes it as C to OUTPUT.
set(hex "5b")
set(separator "")
foreach(input ${INPUTS})
    file(READ "${input}" part HEX)
    string(APPEND hex "${separator}${part}")
    set(separator "2c")
endforeach()
string(APPEND hex "5d")
string(LENGTH "${hex}" length)
math(EXPR length "${length} / 2")
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
string(REGEX REPLACE "(0x0a,)" "\\1\n" bytes "${bytes}")
file(WRITE "${OUTPUT}" "/* Generated from src/sandbox/data/toolkits by embed.cmake. */
#include \"sandbox/data.h\"

const unsigned char sy_sb_data[] = {
${bytes}};
const size_t sy_sb_data_len = ${length};
")
