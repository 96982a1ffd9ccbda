#include "common/redis/error_reply.hpp"

#include <algorithm>
#include <array>
#include <span>
#include <string>

namespace policyd::redis {

namespace {

/// A replica, a server that is still loading its data, a replica without its master, and one that
/// wants another password than the one we had when we connected.
constexpr std::array<std::string_view, 5> kWrongServer{"READONLY", "LOADING", "MASTERDOWN",
                                                       "NOAUTH", "UNBLOCKED"};

/// It has no memory left, cannot save its data, or has too few replicas.
constexpr std::array<std::string_view, 3> kNoWrites{"OOM", "MISCONF", "NOREPLICAS"};

/// In whatever words a script fails with them; the second is Lua's.
constexpr std::array<std::string_view, 2> kBrokenRecordTexts{"WRONGTYPE ", "data string too short"};

constexpr std::array<std::string_view, 3> kDenials{"NOPERM", "NOAUTH", "WRONGPASS"};

/// Of denials that begin with ERR: of what a script calls, of a password where the server wants
/// none, and of a wrong one by servers without users.
constexpr std::array<std::string_view, 3> kDenialTexts{
    "The user executing the script can't ", "without any password configured", "invalid password"};

std::string_view FirstWord(std::string_view error) {
    return error.substr(0, error.find(' '));
}

bool Contains(std::string_view error, std::span<const std::string_view> texts) {
    return std::any_of(texts.begin(), texts.end(), [error](std::string_view text) {
        return error.find(text) != std::string_view::npos;
    });
}

bool HasOneOf(std::span<const std::string_view> names, std::string_view error) {
    return std::any_of(names.begin(), names.end(), [error](std::string_view name) {
        return FirstWord(error) == name ||
               error.find(" -" + std::string(name) + ' ') != std::string_view::npos;
    });
}

}  // namespace

ErrorClass Classify(std::string_view error) {
    if (FirstWord(error) == "NOSCRIPT") return ErrorClass::kUnknownScript;
    if (HasOneOf(kWrongServer, error)) return ErrorClass::kWrongServer;
    if (HasOneOf(kNoWrites, error)) return ErrorClass::kNoWrites;
    return Contains(error, kBrokenRecordTexts) ? ErrorClass::kBrokenRecord : ErrorClass::kRefused;
}

bool IsDenial(std::string_view error) {
    return HasOneOf(kDenials, error) || Contains(error, kDenialTexts);
}

}  // namespace policyd::redis
