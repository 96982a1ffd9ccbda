#include "tests/fuzz/targets.hpp"

#include <cstdio>
#include <cstdlib>

namespace policyd::fuzz {
namespace {

constexpr Target kTargets[] = {
    {"request_parser", &RunRequestParser},
    {"policy_action", &RunPolicyAction},
    {"table_file", &RunTableFile},
    {"texthash", &RunTexthash},
    {"cidr", &RunCidr},
    {"pcre", &RunPcre},
    {"configuration", &RunConfiguration},
    {"address", &RunAddress},
    {"query_template", &RunQueryTemplate},
    {"maildir_name", &RunMaildirName},
    {"mailbox_layout", &RunMailboxLayout},
    {"redis_reply", &RunRedisReply},
};

}  // namespace

std::span<const Target> Targets() {
    return kTargets;
}

const Target* FindTarget(std::string_view name) {
    for (const Target& target : kTargets)
        if (target.name == name) return &target;
    return nullptr;
}

void Require(bool promise, const char* what) {
    if (promise) return;
    std::fprintf(stderr, "broken promise: %s\n", what);
    std::abort();
}

}  // namespace policyd::fuzz
