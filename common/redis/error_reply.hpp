#pragma once

#include <string_view>

namespace policyd::redis {

/// What to do about an error that Redis answered with.
enum class ErrorClass {
    kWrongServer,    ///< this connection leads nowhere: drop it, and look for the server anew
    kUnknownScript,  ///< send the script itself
    kNoWrites,       ///< it answers, and takes nothing now
    kBrokenRecord,   ///< another type than we store is under the key, or not all of a record
    kRefused,        ///< the command failed, the connection is as good as before
};

/// Knows an error by its first word; Redis before 7 hides it in the text where a script failed.
ErrorClass Classify(std::string_view error);

/// Whether a right or a password is missing or wrong.
bool IsDenial(std::string_view error);

}  // namespace policyd::redis
