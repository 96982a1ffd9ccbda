#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace policyd::usage {

/// The Lua scripts of the Redis usage store, as indexes into RedisScripts(). What the keys and
/// fields are is said in docs/usage-store.md.
enum RedisScript : std::size_t {
    kReservationsScript,
    kCommitScript,
    kRemoveScript,
    kAbsentScript,
    kDomainScript,
    kWarnedScript,
    kBeginCountScript,
    kCountScript,
    kEndCountScript,
};

/// In the order of the enumeration. kReservationsScript and kCommitScript work on any
/// number of domains; the others work on one domain: KEYS[1] is the domain's key, the other keys
/// are those of mailboxes of it. ARGV[1] holds packed numbers, the first of which are the time in
/// milliseconds, negative for the server's own, and for how long reservations live.
std::vector<std::string> RedisScripts();

}  // namespace policyd::usage
