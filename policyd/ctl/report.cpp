#include "policyd/ctl/report.hpp"

#include <sstream>

#include "policyd/ctl/exit_status.hpp"

namespace policyd::ctl {
namespace {

std::string Counted(std::size_t count, const std::string& one, const std::string& many) {
    return std::to_string(count) + ' ' + (count == 1 ? one : many);
}

}  // namespace

void Report::Error(const std::string& text) {
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line); ++errors_) Print("error", line);
}

void Report::Unreachable(const std::string& text, const void* server) {
    unreachable_.insert(server);
    Print("unreachable", text);
}

void Report::Warning(const std::string& text) {
    if (warnings_.insert(text).second) Print("warning", text);
}

void Report::Print(const char* kind, const std::string& text) {
    out_ << kind << ": " << text << '\n';
}

void Report::Summarize() {
    out_ << Counted(errors_, "error", "errors") << ", "
         << Counted(unreachable_.size(), "back end unreachable", "back ends unreachable") << ", "
         << Counted(warnings_.size(), "warning", "warnings") << '\n';
}

int Report::Status() const {
    if (errors_ > 0) return kBadConfiguration;
    return !unreachable_.empty() ? kTemporaryFailure : kSuccess;
}

}  // namespace policyd::ctl
