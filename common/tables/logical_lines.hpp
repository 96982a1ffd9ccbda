#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "common/tables/warning_sink.hpp"

namespace policyd::tables {

/// Reads the logical lines of a Postfix file (readlline(3)): lines that are empty, or whose first
/// character but for blanks is '#', are left out; a line that begins with a blank continues the one
/// before, also across those. A continuation of nothing is left out with a warning.
class LogicalLines {
public:
    struct Line {
        std::string text;       ///< without its line ends
        std::size_t first = 0;  ///< the number of its first physical line, from 1
    };

    /// `path` is for warnings. `content` and `warn` outlive this object.
    LogicalLines(std::string path, std::string_view content, const WarningSink& warn)
        : path_(std::move(path)), rest_(content), warn_(warn) {}

    /// The next line, nothing at the end.
    std::optional<Line> Next();

private:
    Line NextOrContinuation();
    std::string_view TakePhysicalLine();

    std::string path_;
    std::string_view rest_;
    std::size_t number_ = 0;
    const WarningSink& warn_;
};

/// The bytes of a file. Throws config::ConfigError where it cannot be read.
std::string ReadTableFile(const std::string& path);

}  // namespace policyd::tables
