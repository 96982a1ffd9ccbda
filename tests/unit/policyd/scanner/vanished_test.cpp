#include "policyd/scanner/vanished.hpp"

#include <gtest/gtest.h>

namespace policyd::scanner {
namespace {

struct VanishedCase {
    const char* what;
    Vanishing vanishing;
    bool is_removed;
};

const VanishedCase kVanishedCases[] = {
    {"None", {0, 100, false, false}, true},
    {"NoneOfAnEmptyRoot", {0, 0, true, false}, true},
    {"OneOfThree", {1, 3, false, false}, true},
    {"TheOnlyOne", {1, 1, false, false}, true},
    {"AHandfulOfFew", {5, 20, false, false}, true},
    {"MoreThanAHandfulOfFew", {6, 20, false, false}, false},
    {"FivePercent", {50, 1000, false, false}, true},
    {"MoreThanFivePercent", {51, 1000, false, false}, false},
    {"FivePercentOfNoWholeHundreds", {7, 150, false, false}, true},
    {"MoreThanFivePercentOfNoWholeHundreds", {8, 150, false, false}, false},
    {"OneAndTheRootIsEmpty", {1, 1, true, false}, false},
    {"OneAndTheDeviceIsAnother", {1, 1000, false, true}, false},
};

class VanishedTest : public testing::TestWithParam<VanishedCase> {};

TEST_P(VanishedTest, TellsAnUnmountedDiskFromMailboxesThatWereRemoved) {
    EXPECT_EQ(!WhyNotRemoved(GetParam().vanishing, 5).has_value(), GetParam().is_removed);
}

INSTANTIATE_TEST_SUITE_P(Vanished, VanishedTest, testing::ValuesIn(kVanishedCases),
                         [](const auto& test) { return std::string(test.param.what); });

}  // namespace
}  // namespace policyd::scanner
