#include "common/redis/request.hpp"

#include <gtest/gtest.h>

namespace policyd::redis {
namespace {

TEST(RequestTest, IsWrittenAsRedisReadsIt) {
    EXPECT_EQ(Request("GET", "key").Bytes(), "*2\r\n$3\r\nGET\r\n$3\r\nkey\r\n");
}

TEST(RequestTest, HoldsAnyBytes) {
    Request request("SET");
    request.Append(std::string_view("a\0\r\n", 4));
    request.Append("");
    EXPECT_EQ(request.Bytes(), std::string("*3\r\n$3\r\nSET\r\n$4\r\na\0\r\n\r\n$0\r\n\r\n", 29));
}

TEST(RequestTest, WritesNumbersInDecimal) {
    EXPECT_EQ(Request("X", std::uint64_t{18446744073709551615u}, -1).Bytes(),
              "*3\r\n$1\r\nX\r\n$20\r\n18446744073709551615\r\n$2\r\n-1\r\n");
}

}  // namespace
}  // namespace policyd::redis
