#include "common/tables/logical_lines.hpp"

#include <algorithm>
#include <exception>
#include <filesystem>
#include <system_error>

#include "common/config/config_error.hpp"
#include "common/files/read_file.hpp"
#include "common/tables/big_pages.hpp"
#include "common/text/ascii.hpp"
#include "common/text/utf8.hpp"

namespace policyd::tables {

namespace {

bool IsCommentOrEmpty(std::string_view line) {
    const std::string_view text = text::Trim(line);
    return text.empty() || text[0] == '#';
}

}  // namespace

LogicalLines::LogicalLines(std::string path, std::string_view content, const WarningSink& warn)
    : path_(std::move(path)), rest_(content), warn_(warn) {
    constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
    if (rest_.starts_with(kByteOrderMark))
        warn_(path_ +
              ":1: begins with a byte order mark (BOM), which nobody sees and which is, as for "
              "Postfix, a part of the first word: save the file without it");
}

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
            if (line.text.empty()) {
                line = {physical, number_};
            } else {
                Join(line, physical);
            }
        }
        const bool may_go_on = !rest_.empty() && (rest_[0] == '#' || text::IsBlank(rest_[0]));
        if (!line.text.empty() && !may_go_on) break;
    }
    return line;
}

/// Most lines have no continuation, and are not copied.
void LogicalLines::Join(Line& line, std::string_view continuation) {
    if (line.text.data() != joined_.data()) joined_ = line.text;
    joined_ += continuation;
    line.text = joined_;
}

std::string_view LogicalLines::TakePhysicalLine() {
    const std::size_t end = rest_.find('\n');
    const std::string_view line = rest_.substr(0, end);
    rest_.remove_prefix(end == std::string_view::npos ? rest_.size() : end + 1);
    ++number_;
    return line;
}

std::size_t CountPhysicalLines(std::string_view content) {
    return static_cast<std::size_t>(std::count(content.begin(), content.end(), '\n')) + 1;
}

std::string ReadTableFile(const std::string& path) {
    std::error_code ignored;
    if (std::filesystem::is_directory(path, ignored))
        throw config::ConfigError(path, 0, "is a directory, not a table");
    std::string content;
    const std::uintmax_t size = std::filesystem::file_size(path, ignored);
    if (!ignored) ReserveInBigPages(content, size);
    try {
        files::ReadFile(path, [&content](std::string_view part) {
            content += part;
            return true;
        });
    } catch (const std::system_error& error) {
        std::throw_with_nested(
            config::ConfigError(path, 0, "cannot be read: " + error.code().message()));
    }
    return content;
}

}  // namespace policyd::tables
