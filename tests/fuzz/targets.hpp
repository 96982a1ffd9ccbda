#pragma once

#include <span>
#include <string_view>

namespace policyd::fuzz {

/// A parser of bytes from outside. It is given any bytes at all, and must neither crash nor throw
/// anything but what its contract names, nor break a promise that is checked with Require().
struct Target {
    std::string_view name;  ///< also of the directory with its corpus
    void (*run)(std::string_view bytes);
};

std::span<const Target> Targets();

/// Null for an unknown name.
const Target* FindTarget(std::string_view name);

/// Ends the process if a promise was broken.
void Require(bool promise, const char* what);

// One file each.
void RunRequestParser(std::string_view bytes);
void RunPolicyAction(std::string_view bytes);
void RunTableFile(std::string_view bytes);
void RunTexthash(std::string_view bytes);
void RunCidr(std::string_view bytes);
void RunPcre(std::string_view bytes);
void RunConfiguration(std::string_view bytes);
void RunAddress(std::string_view bytes);
void RunQueryTemplate(std::string_view bytes);
void RunMaildirName(std::string_view bytes);
void RunMailboxLayout(std::string_view bytes);
void RunRedisReply(std::string_view bytes);

}  // namespace policyd::fuzz
