#include "loadtest/json_writer.hpp"

#include <gtest/gtest.h>

#include <limits>

namespace policyd::loadtest {
namespace {

TEST(JsonWriterTest, WritesObjectsAndLists) {
    JsonWriter json;
    json.Begin('{').Key("a").Value(1.5).Key("b").Begin('[').Value(1).Value("x").End();
    json.Key("none").Begin('[').End().Key("n").Value(std::uint64_t{18446744073709551615U}).End();
    EXPECT_EQ(json.Text(),
              "{\n  \"a\": 1.5,\n  \"b\": [\n    1,\n    \"x\"\n  ],\n  \"none\": [],\n"
              "  \"n\": 18446744073709551615\n}\n");
}

TEST(JsonWriterTest, EscapesWhatJsonDoesNotAllow) {
    JsonWriter json;
    json.Begin('[').Value("a\"b\\c\n\x01").End();
    EXPECT_EQ(json.Text(), "[\n  \"a\\\"b\\\\c\\u000a\\u0001\"\n]\n");
}

TEST(JsonWriterTest, HasNoNumberForWhatIsNone) {
    JsonWriter json;
    json.Begin('[').Value(std::numeric_limits<double>::quiet_NaN()).End();
    EXPECT_EQ(json.Text(), "[\n  null\n]\n");
}

}  // namespace
}  // namespace policyd::loadtest
