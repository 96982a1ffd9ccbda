#include "common/redis/error_reply.hpp"

#include <gtest/gtest.h>

namespace policyd::redis {
namespace {

struct ErrorCase {
    const char* name;
    const char* text;
    ErrorClass expected;
};

class ErrorClassTest : public testing::TestWithParam<ErrorCase> {};

TEST_P(ErrorClassTest, IsClassified) {
    EXPECT_EQ(Classify(GetParam().text), GetParam().expected);
}

const ErrorCase kCases[] = {
    {"ReplicaRefusesWrites", "READONLY You can't write against a read only replica.",
     ErrorClass::kWrongServer},
    {"ReplicaRefusesWritesOfAScript",
     "READONLY You can't write against a read only replica. script: 1234, on @user_script:1.",
     ErrorClass::kWrongServer},
    {"OlderRedisHidesItInTheText",
     "ERR Error running script (call to f_12): @user_script:1: -READONLY You can't write",
     ErrorClass::kWrongServer},
    {"ServerLoadsItsData", "LOADING Redis is loading the dataset in memory",
     ErrorClass::kWrongServer},
    {"ReplicaLostItsMaster", "MASTERDOWN Link with MASTER is down", ErrorClass::kWrongServer},
    {"PasswordWasChanged", "NOAUTH Authentication required.", ErrorClass::kWrongServer},
    {"ScriptIsUnknown", "NOSCRIPT No matching script. Please use EVAL.",
     ErrorClass::kUnknownScript},
    {"OutOfMemory", "OOM command not allowed when used memory > 'maxmemory'.",
     ErrorClass::kNoWrites},
    {"OutOfMemoryInAScriptOfAnOlderRedis",
     "ERR Error running script (call to f_12): @user_script:1: -OOM command not allowed",
     ErrorClass::kNoWrites},
    {"CannotSave", "MISCONF Redis is configured to save RDB snapshots", ErrorClass::kNoWrites},
    {"NotPermitted", "NOPERM this user has no permissions", ErrorClass::kRefused},
    {"AnotherScriptRuns", "BUSY Redis is busy running a script.", ErrorClass::kRefused},
    {"TooFewReplicas", "NOREPLICAS Not enough good replicas to write.", ErrorClass::kNoWrites},
    {"OfAnotherType", "WRONGTYPE Operation against a key holding the wrong kind of value",
     ErrorClass::kBrokenRecord},
    {"OfAnotherTypeInAScriptOfAnOlderRedis",
     "ERR Error running script (call to f_12): @user_script:1: WRONGTYPE Operation against a key",
     ErrorClass::kBrokenRecord},
    {"ShortRecordInAScript",
     "ERR user_script:25: bad argument #2 to 'unpack_numbers' (data string too short) script: 12",
     ErrorClass::kBrokenRecord},
    {"Other", "ERR unknown command", ErrorClass::kRefused},
    {"Nothing", "", ErrorClass::kRefused},
};

TEST(ErrorReplyTest, TellsWhatIsDeniedFromWhatPasses) {
    for (const char* denied :
         {"NOPERM this user has no permissions", "NOAUTH Authentication required.",
          "WRONGPASS invalid username-password pair or user is disabled.",
          "ERR AUTH <password> called without any password configured for the default user.",
          "ERR The user executing the script can't run this command or subcommand script: 12",
          "ERR Error running script (call to f_12): @user_script:1: -NOPERM this user has no"})
        EXPECT_TRUE(IsDenial(denied)) << denied;
    for (const char* other : {"LOADING Redis is loading", "OOM command not allowed", "ERR unknown"})
        EXPECT_FALSE(IsDenial(other)) << other;
}

INSTANTIATE_TEST_SUITE_P(Redis, ErrorClassTest, testing::ValuesIn(kCases),
                         [](const auto& test) { return std::string(test.param.name); });

}  // namespace
}  // namespace policyd::redis
