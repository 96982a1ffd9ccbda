#include "loadtest/mailstore/store_generator.hpp"

#include <gtest/gtest.h>

#include "tests/support/plain_recount.hpp"
#include "tests/support/scratch_directory.hpp"

namespace policyd::loadtest::mailstore {
namespace {

StoreShape Small() {
    StoreShape shape;
    shape.domains = 3;
    shape.mailboxes = 20;
    shape.messages = 600;
    return shape;
}

std::vector<TrueUsage> Generate(const std::string& root, const StoreShape& shape) {
    return GenerateStore(root, shape, [](std::uint64_t) {});
}

TEST(StoreGeneratorTest, MakesWhatItSaysAndTheSameFromTheSameSeed) {
    const test::ScratchDirectory scratch;
    const auto usage = Generate(scratch / "a", Small());
    const auto counted = test::RecountStore(scratch / "a");

    ASSERT_EQ(counted.size(), 20u);
    std::uint64_t messages = 0;
    for (const TrueUsage& mailbox : usage) {
        EXPECT_EQ(counted.at(mailbox.mailbox).bytes, mailbox.bytes) << mailbox.mailbox;
        EXPECT_EQ(counted.at(mailbox.mailbox).messages, mailbox.messages) << mailbox.mailbox;
        messages += mailbox.messages;
    }
    EXPECT_EQ(messages, 600u);
    Generate(scratch / "b", Small());
    EXPECT_EQ(test::RecountStore(scratch / "b"), counted);
}

TEST(StoreGeneratorTest, NamesNoSizesWhereNoneAreWanted) {
    const test::ScratchDirectory scratch;
    StoreShape shape = Small();
    shape.named_sizes = 0;
    Generate(scratch / "a", shape);
    for (const auto& entry : std::filesystem::recursive_directory_iterator(scratch / "a"))
        EXPECT_EQ(entry.path().string().find(",S="), std::string::npos) << entry.path();
}

TEST(StoreGeneratorTest, ChangesTheShareOfDirectoriesThatItIsAskedFor) {
    const test::ScratchDirectory scratch;
    Generate(scratch / "a", Small());
    EXPECT_TRUE(ChangeStore(scratch / "a", 0, 1).empty());
    const std::size_t changed = ChangeStore(scratch / "a", 1, 1).size();
    std::uint64_t messages = 0;
    for (const auto& [mailbox, usage] : test::RecountStore(scratch / "a"))
        messages += usage.messages;
    EXPECT_EQ(messages, 600 + changed);
}

TEST(StoreGeneratorTest, LeavesAStoreThatIsThereAlone) {
    const test::ScratchDirectory scratch;
    scratch.Write("a/file", "");
    EXPECT_THROW(Generate(scratch / "a", Small()), std::system_error);
}

}  // namespace
}  // namespace policyd::loadtest::mailstore
