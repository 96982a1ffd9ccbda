#include "common/usage/packed_numbers.hpp"

#include <gtest/gtest.h>

#include <limits>

namespace policyd::usage {
namespace {

using std::chrono::milliseconds;

TEST(PackedNumbersTest, ComeBackAsTheyWere) {
    PackedNumbers packed;
    packed << std::uint64_t{0} << (std::uint64_t{1} << 53) << milliseconds(-1)
           << milliseconds(1'800'000'000'123);
    UnpackedNumbers unpacked(packed.Bytes());
    EXPECT_EQ(unpacked.NextCount(), 0u);
    EXPECT_EQ(unpacked.NextCount(), std::uint64_t{1} << 53);
    EXPECT_EQ(unpacked.NextTime(), milliseconds(-1));
    EXPECT_EQ(unpacked.NextTime(), milliseconds(1'800'000'000'123));
}

TEST(PackedNumbersTest, KeepNumbersBeyondTwoToTheFiftyThirdAsThat) {
    PackedNumbers packed;
    packed << std::numeric_limits<std::uint64_t>::max();
    EXPECT_EQ(UnpackedNumbers(packed.Bytes()).NextCount(), std::uint64_t{1} << 53);
}

TEST(PackedNumbersTest, ACountIsNeverNegative) {
    PackedNumbers packed;
    packed << milliseconds(-1);
    EXPECT_EQ(UnpackedNumbers(packed.Bytes()).NextCount(), 0u);
}

TEST(PackedNumbersTest, AreZeroWhereThereAreNone) {
    UnpackedNumbers unpacked("short");
    EXPECT_EQ(unpacked.NextCount(), 0u);
    EXPECT_EQ(unpacked.NextTime(), milliseconds(0));
}

TEST(PackedNumbersTest, AreWrittenAsLuaReadsThem) {
    PackedNumbers packed;
    packed << std::uint64_t{1};
    EXPECT_EQ(packed.Bytes(), std::string("\0\0\0\0\0\0\xf0\x3f", 8));
}

}  // namespace
}  // namespace policyd::usage
