#include "common/usage/redis_scripts.hpp"

#include "common/usage/redis_script_parts.hpp"

namespace policyd::usage {

using namespace redis_script_parts;

namespace {

/// What is seldom needed is wrapped so that Lua need not even make it ready: that is half of what a
/// script costs.
std::string Beginning() {
    std::string script = kBegin;
    script.append("local function mending()\n").append(kMend).append("return mend_books\nend\n");
    script.append("local function count_touched()\n").append(kCount).append("end\n");
    script.append("local function sums()\n").append(kSums);
    script.append("return find_in_sums, take_from_sum, sum_up, mark_key\nend\n");
    script.append("local function changes()\n").append(kChanges);
    script.append("return read, drop_older, save, write, flush, is_reservation\nend\n");
    script.append("local function tend()\n");
    script.append("local read, drop_older, save, _, flush, is_reservation = changes()\n");
    return script.append(kTend).append("end\n");
}

/// What works on one domain.
std::string ScriptOfDomain(const char* body) {
    return Beginning() + "open_domain(KEYS[1])\n" +
           "if d_newest > ahead or d_oldest < dead then tend() end\n" +
           "local read, drop_older, save, write, flush = changes()\n" + body;
}

}  // namespace

std::vector<std::string> RedisScripts() {
    return {
        Beginning() + kReservations, Beginning() + kCommit,           ScriptOfDomain(kRemove),
        ScriptOfDomain(kAbsent),     ScriptOfDomain(kDomain),         ScriptOfDomain(kWarned),
        ScriptOfDomain(kBeginCount), ScriptOfDomain(kCountMailboxes), ScriptOfDomain(kEndCount)};
}

}  // namespace policyd::usage
