#pragma once

#include <cstddef>
#include <ostream>
#include <set>
#include <string>

namespace policyd::ctl {

/// Prints what a check finds, line by line, and remembers how bad it was.
class Report {
public:
    explicit Report(std::ostream& out) : out_(out) {}

    /// A mistake: nothing would start with it, or mail be refused for good that Postfix delivers.
    /// Several lines are several mistakes.
    void Error(const std::string& text);
    /// A server that could not be asked just now; `server` is the same for all that is asked of it.
    void Unreachable(const std::string& text, const void* server);
    /// Something that works, but probably not as it is meant. Said once: a table may be read by
    /// more than one of the checks.
    void Warning(const std::string& text);

    /// The last line: how many of each.
    void Summarize();

    /// ExitStatus: of the worst thing reported.
    int Status() const;
    bool HasErrors() const { return errors_ > 0; }

private:
    void Print(const char* kind, const std::string& text);

    std::ostream& out_;
    std::size_t errors_ = 0;
    std::set<const void*> unreachable_;
    std::set<std::string> warnings_;
};

}  // namespace policyd::ctl
