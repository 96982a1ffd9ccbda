#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "loadtest/expectation.hpp"

namespace policyd::loadtest {

/// Names to choose from by their place: the lines of a file, or as many as asked for by a pattern.
class NameList {
public:
    using Pattern = std::function<std::string(std::uint64_t place)>;

    struct Line {
        std::string name;
        std::string rest;  ///< what stood behind the name and a blank, may be empty
    };

    explicit NameList(std::vector<Line> lines) : lines_(std::move(lines)) {}
    NameList(std::uint64_t count, Pattern pattern) : count_(count), pattern_(std::move(pattern)) {}

    std::uint64_t Size() const { return pattern_ ? count_ : lines_.size(); }
    bool IsGenerated() const { return pattern_ != nullptr; }
    std::string Name(std::uint64_t place) const;
    /// What stood behind the name; empty for generated names.
    std::string_view Rest(std::uint64_t place) const;

private:
    std::vector<Line> lines_;
    std::uint64_t count_ = 0;
    Pattern pattern_;
};

/// Throws std::invalid_argument, with what would be one, for what is no source of names.
void CheckNameSource(std::string_view source);

/// A list is `generated:N` names by `pattern`, or the lines of `file:PATH`: a name, then, behind a
/// blank, whatever belongs to it; empty lines, lines that begin with # and a byte order mark are
/// left out. Throws std::invalid_argument for anything else, and std::runtime_error for a file that
/// cannot be read or holds no name.
NameList OpenNameList(std::string_view source, NameList::Pattern pattern);

/// The patterns of generated names. Every number has a name of its own.
std::string GeneratedRecipient(std::uint64_t place);  ///< user0000042@d42.load.example
std::string GeneratedSender(std::uint64_t place);     ///< sender0000042@s42.origin.example
std::string GeneratedClient(std::uint64_t place);     ///< from 198.18.0.0/15, then 2001:db8::/32

/// Host names that belong to addresses: client-198-18-0-1.clients.example.
std::string ClientName(std::string_view address);

}  // namespace policyd::loadtest
