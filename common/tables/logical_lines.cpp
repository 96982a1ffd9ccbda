#include "common/tables/logical_lines.hpp"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "common/config/config_error.hpp"
#include "common/text/ascii.hpp"
#include "common/text/unicode.hpp"

namespace policyd::tables {

namespace {

bool IsCommentOrEmpty(std::string_view line) {
    const std::string_view text = text::Trim(line);
    return text.empty() || text[0] == '#';
}

}  // namespace

std::optional<LogicalLines::Line> LogicalLines::Next() {
    for (;;) {
        Line line = NextOrContinuation();
        if (line.text.empty()) return std::nullopt;
        if (!text::IsBlank(line.text[0])) return line;
        warn_(path_ + ":" + std::to_string(line.first) +
              ": ignored, for it begins with a blank and there is no line that it could continue: "
              "\"" +
              text::EscapedForLog(text::Trim(line.text), 30) + "\"");
    }
}

LogicalLines::Line LogicalLines::NextOrContinuation() {
    Line line;
    while (!rest_.empty()) {
        const std::string_view physical = TakePhysicalLine();
        if (!IsCommentOrEmpty(physical)) {
            if (line.text.empty()) line.first = number_;
            line.text += physical;
        }
        const bool may_go_on = !rest_.empty() && (rest_[0] == '#' || text::IsBlank(rest_[0]));
        if (!line.text.empty() && !may_go_on) break;
    }
    return line;
}

std::string_view LogicalLines::TakePhysicalLine() {
    const std::size_t end = rest_.find('\n');
    const std::string_view line = rest_.substr(0, end);
    rest_.remove_prefix(end == std::string_view::npos ? rest_.size() : end + 1);
    ++number_;
    return line;
}

std::string ReadTableFile(const std::string& path) {
    std::error_code ignored;
    if (std::filesystem::is_directory(path, ignored))
        throw config::ConfigError(path, 0, "is a directory, not a table");
    errno = 0;
    std::ifstream file(path, std::ios::binary);
    if (!file) {
        throw config::ConfigError(path, 0, std::string("cannot be read: ") + std::strerror(errno));
    }
    return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace policyd::tables
