#include "common/config/config_file.hpp"

#include <toml++/toml.h>

#include <exception>
#include <optional>
#include <stdexcept>
#include <system_error>

#include "common/config/expansion.hpp"
#include "common/config/options.hpp"
#include "common/config/table_files.hpp"
#include "common/files/read_file.hpp"
#include "common/text/utf8.hpp"

namespace policyd::config {
namespace {

/// Nothing for what no option takes: dates, fractions, nested arrays and tables.
std::optional<Value> ValueOf(const toml::node& node) {
    if (const auto* truth = node.as_boolean()) return truth->get();
    if (const auto* number = node.as_integer()) return number->get();
    if (const auto* text = node.as_string()) return text->get();
    const auto* array = node.as_array();
    if (array == nullptr) return std::nullopt;
    Strings texts;
    for (const toml::node& element : *array) {
        if (const auto* text = element.as_string()) {
            texts.push_back(text->get());
        } else if (const auto* number = element.as_integer()) {
            texts.push_back(std::to_string(number->get()));
        } else {
            return std::nullopt;
        }
    }
    return texts;
}

/// What a value of main.cf over several lines comes to in quotes.
std::string HintFor(std::string_view mistake) {
    constexpr std::string_view kLineEnd = "control character";
    if (mistake.find(kLineEnd) == mistake.npos) return "";
    return " (a value over several lines is an array, [\"...\", \"...\"], or stands in \"\"\")";
}

/// Applies a parsed file key by key and keeps every mistake with its line.
class Reader {
public:
    explicit Reader(std::string path) { file_.path = std::move(path); }

    ConfigFile Read(const toml::table& table) {
        for (const auto& [key, node] : table) ReadOption(key, node);
        const Settings meant = Meant();
        for (const auto& [name, line] : file_.lines) CheckTables(*FindOption(name), meant, line);
        if (!mistakes_.empty()) throw ConfigError(MistakesInOrder());
        return std::move(file_);
    }

private:
    void ReadOption(const toml::key& key, const toml::node& node) {
        const std::size_t line = key.source().begin.line;
        const Option* option = FindOption(key.str());
        if (option == nullptr) {
            AddUnknown(line, std::string(key.str()), node.is_table());
            return;
        }
        file_.lines[std::string(option->name)] = line;
        const std::optional<Value> value = ValueOf(node);
        if (!value) {
            Add(line, std::string(option->name) + ": expected " + DescribeAccepted(*option));
            return;
        }
        try {
            Assign(file_.settings, *option, *value);
        } catch (const std::invalid_argument& error) {
            Add(line, std::string(option->name) + ": " + error.what());
        }
    }

    void CheckTables(const Option& option, const Settings& settings, std::size_t line) {
        const auto* list = std::get_if<Strings Settings::*>(&option.field);
        const bool names_tables =
            option.section == Section::kMailSystem || option.name.ends_with("_maps");
        if (list == nullptr || !names_tables) return;
        try {
            for (const std::string& problem : ProblemsOfTableFiles(settings.**list))
                Add(line, std::string(option.name) + ": " + problem);
        } catch (const std::invalid_argument& expected) {
            Add(line, std::string(option.name) + ": expected " + expected.what());
        }
    }

    /// What the file says; as it stands where that cannot be told for a mistake.
    Settings Meant() {
        if (mistakes_.empty()) {
            try {
                return Expanded(file_.settings);
            } catch (const std::invalid_argument& error) {
                const std::string text = error.what();
                Add(file_.LineOf(text.substr(0, text.find(':'))), text);
            }
        }
        return file_.settings;
    }

    void AddUnknown(std::size_t line, const std::string& name, bool is_section) {
        if (is_section) {
            Add(line, "[" + name + "]: options stand without sections");
            return;
        }
        const std::string meant(SuggestOption(name));
        Add(line, text::EscapedForLog(name) + ": unknown option" +
                      (meant.empty() ? "" : " (did you mean " + meant + "?)"));
    }

    void Add(std::size_t line, const std::string& message) { mistakes_.emplace(line, message); }

    std::string MistakesInOrder() const {
        std::string text;
        for (const auto& [line, message] : mistakes_)
            text += (text.empty() ? "" : "\n") +
                    std::string(ConfigError(file_.path, line, message).what());
        return text;
    }

    ConfigFile file_;
    std::multimap<std::size_t, std::string> mistakes_;
};

}  // namespace

std::size_t ConfigFile::LineOf(const std::string& option) const {
    const auto line = lines.find(option);
    return line == lines.end() ? 0 : line->second;
}

ConfigFile ParseConfig(std::string_view text, const std::string& path) {
    toml::table table;
    try {
        table = toml::parse(text, path);
    } catch (const toml::parse_error& error) {
        throw ConfigError(path, error.source().begin.line,
                          std::string(error.description()) + HintFor(error.description()));
    }
    return Reader(path).Read(table);
}

ConfigFile ReadConfigFile(const std::string& path) {
    std::string text;
    try {
        files::ReadFile(path, [&text](std::string_view part) {
            text += part;
            return true;
        });
    } catch (const std::system_error& error) {
        std::throw_with_nested(ConfigError(path, 0, error.code().message()));
    }
    ConfigFile file = ParseConfig(text, path);
    // Nobody wants that: it is what a full disk, or whoever writes the file just now, leaves of it.
    if (file.lines.empty()) throw ConfigError(path, 0, "sets no option");
    return file;
}

ConfigError Located(const ConfigError& error, const std::string& path) {
    const std::string text = error.what();
    const std::string name = text.substr(0, text.find(':'));
    if (FindOption(name) == nullptr) return error;
    try {
        return ConfigError(path, ReadConfigFile(path).LineOf(name), text);
    } catch (const std::exception&) {
        return error;  // the file has changed since, or cannot be read now
    }
}

Settings LoadConfigFile(const std::string& path) {
    return Expanded(ReadConfigFile(path).settings);
}

}  // namespace policyd::config
