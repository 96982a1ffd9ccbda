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
        std::string_view text;  ///< without its line ends; good until the next one is taken
        std::size_t first = 0;  ///< the number of its first physical line, from 1

        /// Postfix's parsers take what they read for a C string.
        std::string_view UpToZeroByte() const { return text.substr(0, text.find('\0')); }
    };

    /// `path` is for warnings. `content` and `warn` outlive this object.
    LogicalLines(std::string path, std::string_view content, const WarningSink& warn);

    /// The next line, nothing at the end.
    std::optional<Line> Next();

private:
    Line NextOrContinuation();
    void Join(Line& line, std::string_view continuation);
    std::string_view TakePhysicalLine();

    std::string path_;
    std::string_view rest_;
    std::string joined_;  // where a line has continuations
    std::size_t number_ = 0;
    const WarningSink& warn_;
};

/// There are at most as many logical ones.
std::size_t CountPhysicalLines(std::string_view content);

/// The bytes of a file. Throws config::ConfigError where it cannot be read.
std::string ReadTableFile(const std::string& path);

}  // namespace policyd::tables
