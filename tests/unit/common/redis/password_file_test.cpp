#include "common/redis/password_file.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "tests/support/scratch_directory.hpp"
#include "tests/support/unprivileged.hpp"

namespace policyd::redis {
namespace {

class PasswordFileTest : public testing::Test {
protected:
    std::string Write(const std::string& content, std::filesystem::perms mode) {
        const std::filesystem::path path = directory_.Write("password", content);
        std::filesystem::permissions(path, mode);
        return path;
    }

    static constexpr auto kPrivate =
        std::filesystem::perms::owner_read | std::filesystem::perms::group_read;

    test::ScratchDirectory directory_;
};

TEST_F(PasswordFileTest, GivesItsFirstLine) {
    EXPECT_EQ(ReadPasswordFile(Write("s e cret\nmore\n", kPrivate)), "s e cret");
}

TEST_F(PasswordFileTest, IsRefusedWhereEveryoneMayReadIt) {
    const std::string path = Write("secret\n", kPrivate | std::filesystem::perms::others_read);
    try {
        ReadPasswordFile(path);
        FAIL() << "expected an error";
    } catch (const std::runtime_error& error) {
        EXPECT_THAT(error.what(), testing::HasSubstr(path));
        EXPECT_THAT(error.what(), testing::Not(testing::HasSubstr("secret\n")));
    }
}

TEST_F(PasswordFileTest, IsRefusedWhereThereIsNothingInIt) {
    EXPECT_THROW(ReadPasswordFile(Write("", kPrivate)), std::runtime_error);
    EXPECT_THROW(ReadPasswordFile(directory_ / "nowhere"), std::runtime_error);
}

TEST_F(PasswordFileTest, TellsWhyItCannotBeRead) {
    const auto failure = [](const std::string& path) -> std::string {
        try {
            return ReadPasswordFile(path);
        } catch (const std::runtime_error& error) {
            return error.what();
        }
    };
    const std::string path = Write("secret\n", std::filesystem::perms::owner_read);
    {
        const test::Unprivileged nobody;
        EXPECT_EQ(failure(path), path + ": Permission denied");
    }
    std::filesystem::permissions(directory_.Path(), std::filesystem::perms::owner_all);
    EXPECT_EQ(failure(directory_.Path()), directory_.Path().string() + ": Is a directory");
}

}  // namespace
}  // namespace policyd::redis
