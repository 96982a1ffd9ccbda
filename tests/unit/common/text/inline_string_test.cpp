#include "common/text/inline_string.hpp"

#include <gtest/gtest.h>

#include <string>
#include <utility>

namespace policyd::text {
namespace {

/// Of every length around those that are kept in another way.
class InlineStringTest : public testing::TestWithParam<std::size_t> {
protected:
    const std::string text_ = std::string(GetParam(), 'a');
};

TEST_P(InlineStringTest, IsTheTextThatItWasMadeOf) {
    const InlineString made(text_);
    EXPECT_EQ(std::string_view(made), text_);
    EXPECT_EQ(made.size(), text_.size());
}

TEST_P(InlineStringTest, ACopyOutlivesTheOther) {
    InlineString copy;
    {
        const InlineString made(text_);
        copy = made;
    }
    EXPECT_EQ(copy, text_);
    const InlineString another = std::exchange(copy, InlineString("b"));
    EXPECT_EQ(another, text_);
    EXPECT_EQ(copy, "b");
}

TEST_P(InlineStringTest, TakesAnotherTextInItsPlace) {
    for (const std::size_t before : {0, 1, 40, 41, 300}) {
        InlineString changed(std::string(before, 'b'));
        changed = text_;
        EXPECT_EQ(changed, text_) << before;
        const InlineString& itself = changed;
        changed = itself;
        EXPECT_EQ(changed, text_) << before;
    }
}

TEST_P(InlineStringTest, DiffersByLengthAndByBytes) {
    const InlineString made(text_);
    EXPECT_EQ(made, InlineString(text_));
    EXPECT_FALSE(made == InlineString(text_ + 'a'));
    if (!text_.empty()) {
        EXPECT_FALSE(made == std::string(text_.size() - 1, 'a') + 'b');
    }
}

INSTANTIATE_TEST_SUITE_P(Lengths, InlineStringTest, testing::Values(0, 1, 15, 16, 39, 40, 41, 300));

}  // namespace
}  // namespace policyd::text
