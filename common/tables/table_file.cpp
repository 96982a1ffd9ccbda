#include "common/tables/table_file.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <vector>

#include "common/config/config_error.hpp"
#include "common/config/values.hpp"
#include "common/tables/logical_lines.hpp"
#include "common/text/ascii.hpp"
#include "common/text/utf8.hpp"

namespace policyd::tables {

namespace {

/// The name before the '='; nothing if there is no '=', or more than one word before it.
std::optional<std::string_view> NameIn(std::string_view line) {
    const std::size_t equals = line.find('=');
    if (equals == std::string_view::npos) return std::nullopt;
    const std::string_view name = text::Trim(line.substr(0, equals));
    if (std::any_of(name.begin(), name.end(), text::IsBlank)) return std::nullopt;
    return name;
}

}  // namespace

TableFile::TableFile(std::string path, const WarningSink& warn) : path_(std::move(path)) {
    const std::string content = ReadTableFile(path_);
    LogicalLines lines(path_, content, warn);
    while (const auto line = lines.Next()) {
        const std::string_view text = line->UpToZeroByte();
        const std::optional<std::string_view> name = NameIn(text);
        if (!name) throw config::ConfigError(path_, line->first, "expected \"parameter = value\"");
        const std::string_view value = text::Trim(text.substr(text.find('=') + 1));
        if (Find(*name) != nullptr) {
            warn(path_ + ":" + std::to_string(line->first) + ": \"" + text::EscapedForLog(*name) +
                 "\" is set again; this value holds");
        }
        parameters_.insert_or_assign(std::string(*name),
                                     Parameter{std::string(value), line->first});
    }
    struct stat status {};
    may_be_read_by_everybody_ =
        stat(path_.c_str(), &status) == 0 && (status.st_mode & S_IROTH) != 0;
}

bool TableFile::SaysTheSameAs(const TableFile& other) const {
    const auto is_same = [](const auto& one, const auto& another) {
        return one.first == another.first && one.second.value == another.second.value;
    };
    return std::equal(parameters_.begin(), parameters_.end(), other.parameters_.begin(),
                      other.parameters_.end(), is_same);
}

const TableFile::Parameter* TableFile::Find(std::string_view name) const {
    const auto found = parameters_.find(name);
    return found == parameters_.end() ? nullptr : &found->second;
}

std::string TableFile::Text(std::string_view name, std::string_view fallback) const {
    const Parameter* parameter = Find(name);
    return parameter != nullptr ? parameter->value : std::string(fallback);
}

std::string TableFile::NeededText(std::string_view name) const {
    std::string value = Text(name);
    if (value.empty()) Refuse(name, "needs a value");
    return value;
}

std::int64_t TableFile::Number(std::string_view name, std::int64_t fallback,
                               std::int64_t least) const {
    const Parameter* parameter = Find(name);
    if (parameter == nullptr) return fallback;
    std::string_view digits = parameter->value;
    if (digits.size() > 1 && digits[0] == '+') digits.remove_prefix(1);
    std::int32_t number = 0;
    const char* const end = digits.data() + digits.size();
    const auto [stopped, error] = std::from_chars(digits.data(), end, number);
    if (error != std::errc() || stopped != end) Refuse(name, "needs a number");
    if (number < least) Refuse(name, "must be at least " + std::to_string(least));
    return number;
}

bool TableFile::YesOrNo(std::string_view name, bool fallback) const {
    const Parameter* parameter = Find(name);
    if (parameter == nullptr) return fallback;
    if (text::EqualsIgnoringCase(parameter->value, "yes")) return true;
    if (!text::EqualsIgnoringCase(parameter->value, "no")) Refuse(name, "is \"yes\" or \"no\"");
    return false;
}

void TableFile::Refuse(std::string_view name, const std::string& what) const {
    const Parameter* parameter = Find(name);
    throw config::ConfigError(path_, parameter != nullptr ? parameter->line : 0,
                              "\"" + std::string(name) + "\" " + what);
}

void TableFile::WarnOfAllBut(std::initializer_list<std::string_view> known,
                             const WarningSink& warn) const {
    const std::vector<std::string_view> candidates(known);
    for (const auto& [name, parameter] : parameters_) {
        if (std::find(candidates.begin(), candidates.end(), name) != candidates.end()) continue;
        const std::string_view meant = config::ClosestTo(name, candidates);
        warn(path_ + ":" + std::to_string(parameter.line) + ": \"" + text::EscapedForLog(name) +
             "\" means nothing here" +
             (meant.empty() ? "" : "; perhaps \"" + std::string(meant) + "\" was meant"));
    }
}

}  // namespace policyd::tables
